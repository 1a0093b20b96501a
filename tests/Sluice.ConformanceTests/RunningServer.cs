using System.Collections.Concurrent;
using Sluice.Diagnostics;
using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests;

/// <summary>A server that serves, and what it has told so far.</summary>
public sealed class RunningServer : IAsyncDisposable
{
    public RunningServer(SocketServer server)
    {
        ArgumentNullException.ThrowIfNull(server);
        Server = server;
        server.Events.ConnectionEnded += Ended.Enqueue;
        server.Events.ConnectionRefused += Refused.Enqueue;
    }

    public SocketServer Server { get; }

    public ConcurrentQueue<ConnectionEnded> Ended { get; } = new();

    public ConcurrentQueue<ConnectionRefused> Refused { get; } = new();

    public SocketAddressUrl Url => Server.LocalUrls[0];

    public Task<RawClient> ConnectAsync(int? receiveBuffer = null) => RawClient.ConnectAsync(Url, receiveBuffer);

    /// <summary>Waits until <paramref name="count"/> connections have ended, and gives the last.</summary>
    public async Task<ConnectionEnded> EndedAsync(int count = 1)
    {
        await Eventually.Until(() => Ended.Count >= count, $"{count} connections ended, not {Ended.Count}");
        return Ended.Last();
    }

    /// <summary>Whoever comes now is served: what harmed one connection harmed no other.</summary>
    public async Task AssertServesAsync()
    {
        await using RawClient client = await ConnectAsync();
        Assert.Equal("still here", await client.EchoAsync("still here"));
    }

    /// <summary>The same of a server that answers lines.</summary>
    public async Task AssertServesLinesAsync()
    {
        await using RawClient client = await ConnectAsync();
        Assert.Equal("still here\n", await client.EchoAsync("still here\n"));
    }

    public async ValueTask DisposeAsync()
    {
        DrainReport report = await Server.StopAsync(TimeSpan.Zero).Within("the server stopped");
        Assert.True(report.Took < TimeSpan.FromSeconds(10), $"the stop took {report.Took}");
        await Server.DisposeAsync();
    }
}
