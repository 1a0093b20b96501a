using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Datagrams;
using Sluice.Diagnostics;
using Sluice.Native;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>
/// The workers of <c>process</c>: some stand by, each serves one connection or datagram and ends, and new ones are started while others serve. The accepting thread
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
    private readonly Dictionary<WorkerProcess, IPassed> _serving = [];
    private int _starting;
    private bool _isStopping; // the server accepts no more, but one that was accepted may wait here
    private bool _isCut; // nothing that waits here is handed over any more
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
                return _serving.Values.OfType<PassedConnection>().Count();
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
            all = [.. _serving.Values.OfType<PassedConnection>()];
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

            if (TryHandOver(connection, worker))
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
        connection.Ended(CloseReason.WorkerDied, new SluiceException(ErrorIds.WorkerDied, "the worker process ended before it could take the connection, and there is no other"));
        _server.Runner.Ended(connection, connection.Source);
    }

    /// <summary>Hands over a datagram, when there is a worker for it. On the accepting thread.</summary>
    public void Serve(ReceivedDatagram received)
    {
        using PassedDatagram? datagram = PassedDatagram.TryMake(received, _server.Events);
        while (datagram is not null && Take(datagram) is { } worker)
        {
            if (TryHandOver(datagram, worker))
            {
                return;
            }
        }

        received.Receiver.Drop(received, _isStopping ? DropReason.Draining : DropReason.NoCapacity);
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

    /// <summary>The drain's deadline has passed, for datagrams: those that workers serve are cut, as connections are one by one. From any thread.</summary>
    public void Cut()
    {
        lock (_ready)
        {
            _isCut = true;
            Monitor.PulseAll(_ready);
            foreach (PassedDatagram datagram in _serving.Values.OfType<PassedDatagram>())
            {
                datagram.Cut();
            }
        }
    }

    /// <summary>Nothing comes any more. From any thread.</summary>
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
        if (ServedBy(worker)?.Hear(message) == true)
        {
            worker.EndsSoon();
        }
    }

    public void OnExit(WorkerProcess worker, ChildExit exit)
    {
        IPassed? passed;
        lock (_ready)
        {
            _serving.Remove(worker, out passed);
        }

        if (passed?.Worker == worker)
        {
            passed.WorkerEnded(worker, exit, _supervisor);
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

    // Whoever is taken stands by no more; it serves when it has been told so (TryHandOver). At a stop a worker that has to be started first is waited for only if
    // others go on: nobody would know then why one was sent away.
    private WorkerProcess? Take(IPassed passed)
    {
        lock (_ready)
        {
            while (true)
            {
                if (_ready.TryDequeue(out WorkerProcess? worker))
                {
                    _serving.Add(worker, passed);
                    if (_ready.Count < _low)
                    {
                        _supervisor.Wake();
                    }

                    return worker;
                }

                if (_hasNone || _isCut || (_isStopping && _starting == 0 && !_server.OthersAccept))
                {
                    return null;
                }

                Monitor.Wait(_ready);
            }
        }
    }

    // Under the lock, so that an end is either before it (then another worker is tried) or after it (then it is theirs).
    private bool TryHandOver(IPassed passed, WorkerProcess worker)
    {
        lock (_ready)
        {
            if (_serving.ContainsKey(worker) && passed.TryPass(worker))
            {
                passed.Worker = worker;
                return true;
            }

            _serving.Remove(worker);
            worker.LeaveNow(); // if it is still there, it stands by no more
            return false;
        }
    }

    private IPassed? ServedBy(WorkerProcess worker)
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

    // Whoever has not come so far as to stand by has nothing to lose.
    private void DismissIdle()
    {
        lock (_ready)
        {
            _ready.Clear();
        }

        foreach (WorkerProcess worker in _supervisor.Workers)
        {
            if (!worker.IsLeaving && ServedBy(worker) is null)
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
