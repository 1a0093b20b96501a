using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests;

/// <summary>Clients that echo without a pause and check every byte, until they are told to stop.</summary>
public sealed class Load : IAsyncDisposable
{
    private readonly int[] _turns;
    private readonly Task _clients;
    private volatile bool _over;

    public Load(SocketAddressUrl url, int clients)
    {
        _turns = new int[clients];
        _clients = Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(() => EchoAsync(url, client))));
    }

    /// <summary>Echoes so far, of all clients.</summary>
    public int Turns => _turns.Sum(static count => count);

    /// <summary>Waits until every client has had <paramref name="more"/> echoes from here on.</summary>
    public async Task TurnsAsync(int more)
    {
        int[] from = [.. _turns];
        await Eventually.Until(
            () => _clients.IsCompleted || Enumerable.Range(0, from.Length).All(client => Volatile.Read(ref _turns[client]) >= from[client] + more),
            $"every client has {more} echoes more");
        if (_clients.IsCompleted)
        {
            await _clients;
        }
    }

    /// <summary>Every client ends with FIN and has got every byte.</summary>
    public async ValueTask DisposeAsync()
    {
        _over = true;
        await _clients.Within("the load ended", TimeSpan.FromSeconds(20));
    }

    private async Task EchoAsync(SocketAddressUrl url, int client)
    {
        await using RawClient raw = await RawClient.ConnectAsync(url);
        while (!_over)
        {
            byte[] sent = Payload.Make(1 + (_turns[client] * 977 % 20_000), (client * 100_000) + _turns[client]);
            await raw.SendAsync(sent);
            Assert.True(Payload.Same(sent, await raw.ReceiveExactlyAsync(sent.Length)), "a wrong byte");
            Volatile.Write(ref _turns[client], _turns[client] + 1);
        }

        raw.Fin();
        Assert.Empty(await raw.ReceiveToEndAsync());
    }
}
