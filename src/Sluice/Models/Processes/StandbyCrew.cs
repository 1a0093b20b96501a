using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Native;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>
/// The workers of <c>process</c>: some stand by, each serves one connection and ends, and new ones are started while others serve. The accepting thread
/// takes; the supervisor's thread does the rest.
/// </summary>
internal sealed class StandbyCrew : IWorkerCrew, ILiveConnections
{
    private readonly ServerContext _server;
    private readonly Supervisor _supervisor;
    private readonly WorkerOptions _options;
    private readonly int _standby;
    private readonly int _low;

    // Under itself: who stands by, and who serves what.
    private readonly Queue<WorkerProcess> _ready = new();
    private readonly Dictionary<WorkerProcess, PassedConnection> _serving = [];
    private int _starting;
    private bool _isStopping; // the server accepts no more, but one that was accepted may wait here
    private bool _isClosing;
    private bool _hasNone; // none can be had at the moment: the last ones failed before they were ready

    private StartPause _pause;

    public StandbyCrew(ServerContext server, Supervisor supervisor)
    {
        _server = server;
        _supervisor = supervisor;
        _options = server.Options.Workers;
        _standby = server.AcceptBudget is { } few ? Math.Min(few, _options.Standby) : _options.Standby;
        _low = Math.Min(_options.StandbyLow ?? (_standby + 1) / 2, _standby);
    }

    /// <summary>Ends with the first worker that is ready, or with what was wrong with it.</summary>
    public TaskCompletionSource FirstReady { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Count
    {
        get
        {
            lock (_ready)
            {
                return _serving.Count;
            }
        }
    }

    public bool IsOver => _isClosing && _supervisor.Workers.Count == 0;

    public long NextDuty { get; private set; }

    public void ForEach<T>(Action<StreamConnection, T> what, T with)
    {
        PassedConnection[] all;
        lock (_ready)
        {
            all = [.. _serving.Values];
        }

        Array.ForEach(all, connection => what(connection, with));
    }

    /// <summary>Hands a connection that holds a place of the gate to a worker, when there is one. On the accepting thread.</summary>
    public void Serve(Listener listener, StreamSocket socket)
    {
        var connection = new PassedConnection(socket, listener, _server, _server.Gate.SourceOf(socket));
        bool isTold = false;
        while (Take(connection) is { } worker)
        {
            if (!isTold)
            {
                _server.Events.RaiseConnectionStarted(connection);
                isTold = true;
            }

            if (TryHandOver(connection, socket, worker))
            {
                socket.Close(); // the worker's copy is the connection now
                return;
            }
        }

        if (!isTold)
        {
            BlockingAcceptor.Refuse(_server, listener, socket, RefuseReason.NoWorker);
            return;
        }

        socket.Close();
        connection.Ended(CloseReason.WorkerDied, 0, 0, new SluiceException(ErrorIds.WorkerDied, "the worker process ended before it could take the connection, and there is no other"));
        _server.Runner.Ended(connection, connection.Source);
    }

    /// <summary>No more is accepted; what was is handed over if a worker comes. From any thread.</summary>
    public void Stop()
    {
        lock (_ready)
        {
            _isStopping = true;
            Monitor.PulseAll(_ready);
        }

        FirstReady.TrySetResult(); // who still waits for it need not
    }

    /// <summary>No more connections come. From any thread.</summary>
    public void Close()
    {
        lock (_ready)
        {
            _isClosing = true;
            Monitor.PulseAll(_ready);
        }

        _supervisor.Wake(); // DoDuty sees to it
    }

    public void DoDuty(long now)
    {
        NextDuty = long.MaxValue;
        if (_isClosing)
        {
            DismissIdle();
            return;
        }

        int idle;
        lock (_ready)
        {
            idle = _supervisor.Workers.Count - _serving.Count;
        }

        if (idle >= _low || _supervisor.Workers.Count >= _options.Most)
        {
            return;
        }

        if (now >= _pause.Until)
        {
            Start(Math.Min(_standby - idle, _options.Most - _supervisor.Workers.Count), now);
        }

        NextDuty = _pause.Until > now ? _pause.Until : long.MaxValue;
    }

    public void OnReady(WorkerProcess worker)
    {
        _pause.Succeeded();
        FirstReady.TrySetResult();
        lock (_ready)
        {
            _starting--;
            _hasNone = false;
            _ready.Enqueue(worker);
            Monitor.Pulse(_ready);
        }
    }

    public void OnMessage(WorkerProcess worker, in WorkerMessage message)
    {
        PassedConnection? connection = ConnectionOf(worker);
        if (message.Kind == WorkerMessageKind.Ended && connection is not null)
        {
            Exception? failure = message.Text.Length > 0 ? new SluiceException(ErrorIds.HandlerFailed, message.Text) : null;
            var reason = (CloseReason)message.First;
            connection.Ended(Enum.IsDefined(reason) ? reason : CloseReason.Completed, message.Second, message.Third, failure);
            worker.EndsSoon();
        }
    }

    public void OnExit(WorkerProcess worker, ChildExit exit)
    {
        PassedConnection? connection;
        lock (_ready)
        {
            _serving.Remove(worker, out connection);
        }

        if (connection?.Worker == worker)
        {
            End(worker, connection, exit);
        }
        else if (!worker.IsReady)
        {
            Failed(worker, exit);
        }
        else if (!worker.IsLeaving)
        {
            _supervisor.Tell($"{ErrorIds.WorkerDied}: the worker {worker.Id} {exit} while it stood by");
            _pause.Failed(Environment.TickCount64);
        }
    }

    // Whoever is taken stands by no more; it has the connection when it has been told so (TryHandOver).
    private WorkerProcess? Take(PassedConnection connection)
    {
        lock (_ready)
        {
            while (true)
            {
                if (_ready.TryDequeue(out WorkerProcess? worker))
                {
                    _serving.Add(worker, connection);
                    if (_ready.Count < _low)
                    {
                        _supervisor.Wake();
                    }

                    return worker;
                }

                if (_hasNone || (_isStopping && _starting == 0))
                {
                    return null;
                }

                Monitor.Wait(_ready);
            }
        }
    }

    // Under the lock, so that an end is either before it (then another worker is tried) or after it (then it is the connection's).
    private bool TryHandOver(PassedConnection connection, StreamSocket socket, WorkerProcess worker)
    {
        lock (_ready)
        {
            if (_serving.ContainsKey(worker) && worker.TrySend(WorkerMessage.Serve(connection.Listener!.Url.ToString()), [socket.Descriptor]))
            {
                connection.Worker = worker;
                return true;
            }

            _serving.Remove(worker);
            return false;
        }
    }

    private PassedConnection? ConnectionOf(WorkerProcess worker)
    {
        lock (_ready)
        {
            return _serving.GetValueOrDefault(worker);
        }
    }

    private void Start(int count, long now)
    {
        for (int i = 0; i < count; i++)
        {
            if (_supervisor.TryStart(slot: 0, out string? why) is null)
            {
                FirstReady.TrySetException(new SluiceException(ErrorIds.WorkerNotStarted, why!));
                _pause.Failed(now);
                return;
            }

            lock (_ready)
            {
                _starting++;
            }
        }
    }

    // A program that cannot come so far will hardly do so the next time: those who wait are not left to wait for it.
    private void Failed(WorkerProcess worker, ChildExit exit)
    {
        lock (_ready)
        {
            _starting--;
            Monitor.PulseAll(_ready);
        }

        if (_isClosing)
        {
            return;
        }

        string why = worker.Complaint ?? $"it {exit} before it could serve";
        _supervisor.Tell($"{ErrorIds.WorkerNotReady}: the worker {worker.Id} was of no use: {why}");
        FirstReady.TrySetException(new SluiceException(ErrorIds.WorkerNotReady, $"a worker process cannot serve: {why}"));
        _pause.Failed(Environment.TickCount64);
        lock (_ready)
        {
            _hasNone = _ready.Count == 0 && _starting == 0;
            Monitor.PulseAll(_ready);
        }
    }

    private void End(WorkerProcess worker, PassedConnection connection, ChildExit exit)
    {
        if (connection.CloseReason == CloseReason.None)
        {
            // Without a word: it crashed, or was killed.
            _supervisor.Tell($"{ErrorIds.WorkerDied}: the worker {worker.Id} {exit} while it served {connection.RemoteEndPoint?.ToString() ?? "an unnamed peer"}; only this connection is lost");
            connection.Ended(CloseReason.WorkerDied, 0, 0, new SluiceException(ErrorIds.WorkerDied, $"the worker process {worker.Id} {exit}"));
        }

        _server.Runner.Ended(connection, connection.Source);
    }

    // Whoever has not come so far as to stand by has nothing to lose.
    private void DismissIdle()
    {
        lock (_ready)
        {
            _ready.Clear();
        }

        foreach (WorkerProcess worker in _supervisor.Workers)
        {
            if (!worker.IsLeaving && ConnectionOf(worker) is null)
            {
                worker.Leave(TimeSpan.Zero);
                if (!worker.IsReady)
                {
                    worker.Kill();
                }
            }
        }
    }
}
