using System.Buffers.Binary;
using System.Net.Sockets;
using Sluice.Testing;

namespace Sluice.ConformanceTests;

/// <summary>What happens to a connection in one round.</summary>
public enum Race
{
    Reset,
    HalfCloseAndReadTheRest,
    CloseAtOnce,
    CancelPendingRead,
    Abort,
    CancelTheTokenOfARead,
    TrySend,
    IdleLimit,
}

/// <summary>One round: a client that does what its kind says, and checks every byte that it gets.</summary>
public sealed class RaceClient(RunningServer server, RacedServer side, int number, int seed)
{
    private const int MessageSize = 37;

    private readonly Random _random = new(seed);

    public async Task RunAsync(Race race)
    {
        try
        {
            await using RawClient client = await server.ConnectAsync();
            byte[] header = new byte[RacedServer.HeaderSize];
            header[0] = (byte)race;
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(1), number);
            if (race == Race.CloseAtOnce && _random.Next(2) == 0)
            {
                return;
            }

            await client.SendAsync(header);
            await RunAsync(race, client);
        }
        catch (Exception error) when (side.IsDraining && error is IOException or SocketException)
        {
            // The server was stopped while it came or talked.
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"Client {number} ({race}, seed {seed}): {error.Message}", error);
        }
    }

    private Task RunAsync(Race race, RawClient client) => race switch
    {
        Race.Reset => ResetAsync(client),
        Race.CloseAtOnce => Task.CompletedTask,
        Race.HalfCloseAndReadTheRest => EchoAsync(client, static _ => { }),
        Race.CancelPendingRead => EchoAsync(client, static raced => raced.Connection.Transport.Input.CancelPendingRead()),
        Race.CancelTheTokenOfARead => EchoAsync(client, static raced => raced.CancelRead()),
        Race.Abort => AbortAsync(client),
        Race.TrySend => TrySendAsync(client),
        _ => IdleAsync(client),
    };

    private async Task ResetAsync(RawClient client)
    {
        byte[] sent = Payload.Make(_random.Next(1, 60_000), seed);
        await client.SendAsync(sent);
        if (_random.Next(3) > 0)
        {
            byte[] some = new byte[_random.Next(1, sent.Length + 1)];
            int got = await client.ReceiveAsync(some);
            Assert.True(sent.AsSpan(0, got).SequenceEqual(some.AsSpan(0, got)), "a wrong byte");
        }

        client.Reset();
    }

    // Another thread does what it does, many times, while everything is echoed; not a byte is lost.
    private async Task EchoAsync(RawClient client, Action<RacedConnection> interfere)
    {
        if (await side.ArrivalAsync(number) is not { } raced)
        {
            return;
        }

        byte[] sent = Payload.Make(_random.Next(1, 100_000), seed);
        using var over = new CancellationTokenSource();
        Task interfering = InterfereAsync(() => interfere(raced), over.Token);
        Task sending = Task.Run(async () =>
        {
            await SendAsync(client, sent);
            client.Fin();
        });
        int got = await ReceivePrefixAsync(client, sent);
        Assert.True(got == sent.Length || side.IsDraining, $"{got} of {sent.Length} bytes came back");
        await over.CancelAsync();
        await interfering;
        await sending;
    }

    private async Task AbortAsync(RawClient client)
    {
        if (await side.ArrivalAsync(number) is not { } raced)
        {
            return;
        }

        byte[] sent = Payload.Make(_random.Next(1, 100_000), seed);
        Task sending = SendAsync(client, sent);
        int pause = _random.Next(4);
        Task aborting = Task.Run(async () =>
        {
            await Task.Delay(pause);
            raced.Connection.Abort();
            raced.Connection.Abort();
        });
        await ReceivePrefixAsync(client, sent);
        await aborting;
        try
        {
            await sending;
        }
        catch (PeerResetException)
        {
            // It was aborted before all was sent.
        }
    }

    // The echo has the low bytes, the messages the high ones: each in its order, and each message whole.
    private async Task TrySendAsync(RawClient client)
    {
        const int Messages = 20;
        if (await side.ArrivalAsync(number) is not { } raced)
        {
            return;
        }

        byte[] sent = Array.ConvertAll(Payload.Make(_random.Next(1, 20_000), seed), one => (byte)(one & 0x7F));
        Task<int> pushing = Task.Run(() =>
        {
            var sender = raced.Connection.Features.Get<IConnectionSender>()!;
            int taken = 0;
            byte[] message = new byte[MessageSize];
            for (int i = 0; i < Messages; i++)
            {
                message.AsSpan().Fill((byte)(0x80 + i));
                taken += sender.TrySend(message) ? 1 : 0;
            }

            return taken;
        });
        Task sending = SendAsync(client, sent);
        byte[] received = await client.ReceiveExactlyAsync(sent.Length + (Messages * MessageSize));
        Assert.Equal(Messages, await pushing);
        await sending;
        Assert.True(Array.FindAll(received, one => one < 0x80).AsSpan().SequenceEqual(sent), "the echo is not what was sent");
        Assert.Equal(Enumerable.Range(0, Messages * MessageSize).Select(i => (byte)(0x80 + (i / MessageSize))), received.Where(one => one >= 0x80));
        client.Fin();
        Assert.Empty(await client.ReceiveToEndAsync());
    }

    private async Task IdleAsync(RawClient client)
    {
        byte[] sent = Payload.Make(_random.Next(1, 1000), seed);
        await client.SendAsync(sent);
        int got = await ReceivePrefixAsync(client, sent); // to the end, which the limit brings
        Assert.True(got == sent.Length || side.IsDraining, $"{got} of {sent.Length} bytes came back");
    }

    private async Task SendAsync(RawClient client, byte[] bytes)
    {
        foreach (ReadOnlyMemory<byte> slice in Payload.Slices(bytes, 9000, seed))
        {
            await client.SendAsync(slice);
        }
    }

    // Receives to the end, FIN or reset, and compares.
    private static async Task<int> ReceivePrefixAsync(RawClient client, byte[] expected)
    {
        byte[] some = new byte[16 * 1024];
        int got = 0;
        try
        {
            while (await client.ReceiveAsync(some) is > 0 and int count)
            {
                Assert.True(got + count <= expected.Length, "more than was sent");
                Assert.True(expected.AsSpan(got, count).SequenceEqual(some.AsSpan(0, count)), $"a wrong byte after {got}");
                got += count;
            }
        }
        catch (PeerResetException)
        {
            // An end as good as any.
        }

        return got;
    }

    private static Task InterfereAsync(Action interfere, CancellationToken over) => Task.Run(async () =>
    {
        for (int i = 0; !over.IsCancellationRequested; i++)
        {
            interfere();
            if (i % 4 == 0)
            {
                await Task.Delay(1, CancellationToken.None);
            }
        }
    }, CancellationToken.None);
}
