using System.IO.Pipelines;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>
/// A connection that a worker serves, as its master sees it: no bytes, but an end like any other's. What is asked of it is asked of the worker.
/// </summary>
internal sealed class PassedConnection : StreamConnection
{
    private readonly ServerContext _server;
    private WorkerProcess? _worker;
    private int _asked;

    public PassedConnection(StreamSocket socket, Listener listener, ServerContext server, ulong source)
        : base(socket)
    {
        _server = server;
        Settings = server.Runner.Settings;
        Listener = listener;
        Source = source;
        RemoteEndPoint = socket.RemoteEndPoint; // while the socket can be asked
        LocalEndPoint = socket.LocalEndPoint;
    }

    public override PipeReader Input => throw Elsewhere();

    public override PipeWriter Output => throw Elsewhere();

    /// <summary>Who serves it. From any thread.</summary>
    public WorkerProcess? Worker
    {
        get => Volatile.Read(ref _worker);
        set => Volatile.Write(ref _worker, value);
    }

    /// <summary>What the gate counts it under.</summary>
    public ulong Source { get; }

    internal override ConnectionSettings Settings { get; }

    internal override bool WaitsIdle
    {
        get
        {
            // Asked by a drain, again and again; only the worker knows, and ends it by itself then.
            if (Worker is { } worker && Interlocked.Exchange(ref _asked, 1) == 0)
            {
                worker.TrySend(WorkerMessage.Drain(Timeout.InfiniteTimeSpan, _server.OthersAccept));
            }

            return false;
        }
    }

    internal override bool IsElsewhere => true;

    private protected override bool HasUnread => false;

    /// <summary>The worker has told how it ended, or has ended without a word.</summary>
    public void Ended(CloseReason reason, long received, long sent, Exception? failure)
    {
        CountReceived(received);
        CountSent(sent);
        Failure = failure;
        End(reason);
    }

    private protected override string? LetGo() => throw Elsewhere();

    internal override void PushOutbox() => throw Elsewhere();

    private protected override void Wake()
    {
        if (CloseReason is CloseReason.Aborted or CloseReason.DrainCut)
        {
            Worker?.LeaveNow();
        }
    }

    private static InvalidOperationException Elsewhere() => new("Another process serves this connection; its bytes are not here.");
}
