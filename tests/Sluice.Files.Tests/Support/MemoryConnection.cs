using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Sluice.Files.Tests;

/// <summary>
/// One end of a connection in memory. Everything runs inline: when a write returns, the other end has done all it can with it.
/// Abort ends both directions with a reset, as TCP does.
/// </summary>
internal sealed class MemoryConnection : ConnectionContext, IDuplexPipe, IConnectionUnit, IConnectionCloseReason, IConnectionLifetimeNotificationFeature
{
    private readonly Pipe _incoming;
    private readonly Pipe _outgoing;
    private MemoryConnection? _peer;

    private MemoryConnection(Pipe incoming, Pipe outgoing)
    {
        _incoming = incoming;
        _outgoing = outgoing;
        Features.Set<IConnectionUnit>(this);
        Features.Set<IConnectionCloseReason>(this);
        Features.Set<IConnectionLifetimeNotificationFeature>(this);
    }

    public override string ConnectionId { get; set; } = "memory";

    public override IFeatureCollection Features { get; } = new FeatureCollection();

    public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();

    public override IDuplexPipe Transport { get => this; set => throw new NotSupportedException(); }

    public PipeReader Input => _incoming.Reader;

    public PipeWriter Output => _outgoing.Writer;

    public ConnectionAbortedException? Aborted { get; private set; }

    public CloseReason CloseReason { get; set; }

    public List<string> Units { get; } = [];

    public CancellationToken ConnectionClosedRequested { get; set; }

    public static (MemoryConnection Server, MemoryConnection Client) Pair()
    {
        Pipe one = NewPipe(), two = NewPipe();
        var server = new MemoryConnection(one, two);
        var client = new MemoryConnection(two, one) { _peer = server };
        server._peer = client;
        return (server, client);

        // One byte in flight is enough to make the writer wait for the reader.
        static Pipe NewPipe() => new(new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false, pauseWriterThreshold: 256 * 1024, resumeWriterThreshold: 1));
    }

    public override void Abort(ConnectionAbortedException abortReason)
    {
        Aborted = abortReason;
        _outgoing.Writer.Complete(new ConnectionResetException("reset by peer"));
        _incoming.Reader.Complete();
    }

    public void BeginUnit() => Units.Add("begin");

    public void EndUnit() => Units.Add("end");

    public void RequestClose() => throw new NotSupportedException();
}
