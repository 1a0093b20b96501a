using System.Collections.Concurrent;
using Sluice.Diagnostics;
using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests;

/// <summary>A server of datagrams that serves, and what it has told so far.</summary>
public sealed class DatagramServer : IAsyncDisposable
{
    public DatagramServer(SocketServer server)
    {
        ArgumentNullException.ThrowIfNull(server);
        Server = server;
        server.Events.DatagramFailed += Failed.Enqueue;
        server.Events.DatagramNotSent += NotSent.Enqueue;
        server.Events.DatagramsDropped += Dropped.Enqueue;
        server.Events.ReceiveFailed += ReceiveFailed.Enqueue;
    }

    public SocketServer Server { get; }

    public ConcurrentQueue<DatagramFailed> Failed { get; } = new();

    public ConcurrentQueue<DatagramNotSent> NotSent { get; } = new();

    public ConcurrentQueue<DatagramsDropped> Dropped { get; } = new();

    public ConcurrentQueue<ReceiveFailed> ReceiveFailed { get; } = new();

    public SocketAddressUrl Url => Server.LocalUrls[0];

    public RawDatagramClient Connect(bool file = false) => RawDatagramClient.Connect(Url, file);

    /// <summary>Whoever sends now is answered: what harmed one harmed no other.</summary>
    public async Task AssertServesAsync()
    {
        using RawDatagramClient client = Connect();
        Assert.Equal("still here", await client.AskAsync("still here"));
    }

    public async ValueTask DisposeAsync()
    {
        DrainReport report = await Server.StopAsync(TimeSpan.Zero).Within("the server stopped");
        Assert.True(report.Took < TimeSpan.FromSeconds(10), $"the stop took {report.Took}");
        await Server.DisposeAsync();
    }
}
