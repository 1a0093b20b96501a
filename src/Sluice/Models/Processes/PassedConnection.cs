using System.IO.Pipelines;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Native;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>
/// A connection that a worker serves, as its master sees it: no bytes, but an end like any other's. What is asked of it is asked of the worker.
/// </summary>
internal sealed class PassedConnection : StreamConnection, IPassed
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

    public bool TryPass(WorkerProcess worker) => worker.TrySend(WorkerMessage.Serve(Listener!.Url.ToString()), [Socket.Descriptor]);

    public bool Hear(in WorkerMessage message)
    {
        if (message.Kind != WorkerMessageKind.Ended)
        {
            return false;
        }

        Exception? failure = message.Text.Length > 0 ? new SluiceException(ErrorIds.HandlerFailed, message.Text) : null;
        var reason = (CloseReason)message.First;
        CountReceived(message.Second);
        CountSent(message.Third);
        Ended(Enum.IsDefined(reason) ? reason : CloseReason.Completed, failure);
        return true;
    }

    public void WorkerEnded(WorkerProcess worker, ChildExit exit, Supervisor supervisor)
    {
        if (CloseReason == CloseReason.None)
        {
            // Without a word: it crashed, or was killed.
            supervisor.Tell($"{ErrorIds.WorkerDied}: the worker {worker.Id} {exit} while it served {RemoteEndPoint?.ToString() ?? "an unnamed peer"}; only this connection is lost");
            Ended(CloseReason.WorkerDied, new SluiceException(ErrorIds.WorkerDied, $"the worker process {worker.Id} {exit}"));
        }

        _server.Runner.Ended(this, Source);
    }

    /// <summary>How it ended.</summary>
    public void Ended(CloseReason reason, Exception? failure)
    {
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
