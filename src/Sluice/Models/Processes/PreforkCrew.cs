using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Native;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>
/// The workers of <c>prefork</c>: each place has one, and for a moment two, while a worker is replaced. One that dies is replaced at once; one that dies before
/// it was ready, after a pause. For the supervisor's thread, but for what says otherwise.
/// </summary>
internal sealed class PreforkCrew : IWorkerCrew, ILiveConnections, ILiveWorkers
{
    private const int ShortestLife = 5000; // of a worker with too much memory: its successor may need as much

    private readonly ServerContext _server;
    private readonly Supervisor _supervisor;
    private readonly WorkerOptions _options;
    private readonly Place[] _places;
    private readonly Queue<Place> _restarts = new();
    private readonly long _hangsAfter;
    private TaskCompletionSource? _restarted;
    private long _drainBy = long.MaxValue;
    private int _connections;
    private int _ended;
    private int _cut;
    private bool _isStopping;

    public PreforkCrew(ServerContext server, Supervisor supervisor, int count)
    {
        _server = server;
        _supervisor = supervisor;
        _options = server.Options.Workers;
        _places = [.. Enumerable.Range(0, count).Select(index => new Place(index))];
        _hangsAfter = _options.HangsAfter is { } time ? (long)time.TotalMilliseconds : long.MaxValue;
    }

    /// <summary>Ends when every place has had a worker that is ready, or with what was wrong with one.</summary>
    public TaskCompletionSource AllReady { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>As the workers last told. From any thread.</summary>
    public int Count => Volatile.Read(ref _connections);

    public (int Ended, int Cut) Drained => (Volatile.Read(ref _ended), Volatile.Read(ref _cut));

    public bool IsOver => _isStopping && _supervisor.Workers.Count == 0;

    public long NextDuty { get; private set; }

    /// <summary>The connections are in other processes.</summary>
    public void ForEach<T>(Action<StreamConnection, T> what, T with)
    {
    }

    /// <summary>Replaces every worker, one after the other; each goes on until its successor is ready. From any thread. The task ends when all are replaced.</summary>
    public Task RestartAsync()
    {
        var restarted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _supervisor.Post(() =>
        {
            if (_isStopping)
            {
                restarted.TrySetCanceled();
                return;
            }

            _restarted?.TrySetResult(); // this one begins anew
            _restarted = restarted;
            _restarts.Clear();
            Array.ForEach(_places, _restarts.Enqueue);
        });
        return restarted.Task;
    }

    /// <summary>Starts no more workers; those there are end when they are told until when. From any thread.</summary>
    public void Stop() => _supervisor.Post(() =>
    {
        _isStopping = true;
        _restarted?.TrySetCanceled();
        AllReady.TrySetResult();
    });

    public void RequestDrain(long deadline)
    {
        if (deadline >= Interlocked.Read(ref _drainBy))
        {
            return;
        }

        Interlocked.Exchange(ref _drainBy, deadline);
        _supervisor.Post(() =>
        {
            foreach (WorkerProcess worker in _supervisor.Workers)
            {
                if (worker.IsReady || _server.OthersAccept)
                {
                    worker.Leave(Left(deadline), _server.OthersAccept);
                }
                else
                {
                    worker.Kill();
                }
            }
        });
    }

    public void Cut() => _supervisor.Post(() =>
    {
        foreach (WorkerProcess worker in _supervisor.Workers)
        {
            worker.LeaveNow();
        }
    });

    public void DoDuty(long now)
    {
        NextDuty = long.MaxValue;
        if (_isStopping)
        {
            return;
        }

        WatchForHanging(now);
        Restart();
        foreach (Place place in _places)
        {
            if (place.Next is not null || (place.Current is not null && !place.WantsAnother))
            {
                continue;
            }

            if (now < place.Pause.Until)
            {
                NextDuty = Math.Min(NextDuty, place.Pause.Until);
            }
            else if (Start(place) is { } started)
            {
                (place.Next, place.WantsAnother) = (started, false);
            }
            else
            {
                place.Pause.Failed(now);
                NextDuty = Math.Min(NextDuty, place.Pause.Until);
            }
        }
    }

    public void OnReady(WorkerProcess worker)
    {
        Place place = _places[worker.Slot];
        if (_isStopping || place.Next != worker)
        {
            worker.Leave(Left(Interlocked.Read(ref _drainBy)), !_isStopping || _server.OthersAccept);
            return;
        }

        place.Current?.Leave(_server.Options.Drain, othersAccept: true);
        (place.Current, place.Next, place.HasServed) = (worker, null, true);
        place.Pause.Succeeded();
        if (Array.TrueForAll(_places, one => one.HasServed))
        {
            AllReady.TrySetResult();
        }
    }

    public void OnMessage(WorkerProcess worker, in WorkerMessage message)
    {
        switch (message.Kind)
        {
            case WorkerMessageKind.Beat:
                (worker.Connections, worker.Accepted) = ((int)message.First, message.Second);
                CountConnections();
                bool isTooLarge = _options.MaxMemory < message.Third && worker.HeardAt - worker.StartedAt >= ShortestLife;
                if (_options.MaxConnections <= worker.Accepted || isTooLarge)
                {
                    _places[worker.Slot].WantsAnother |= _places[worker.Slot].Current == worker && !worker.IsLeaving;
                }

                break;
            case WorkerMessageKind.Drained:
                _ended += _isStopping ? (int)message.First : 0; // others were replaced, which is no end of the server
                _cut += _isStopping ? (int)message.Second : 0;
                (worker.Connections, worker.Accepted) = (0, message.Third);
                break;
        }
    }

    public void OnExit(WorkerProcess worker, ChildExit exit)
    {
        Place place = _places[worker.Slot];
        bool isExpected = (worker.IsLeaving || _isStopping) && exit is { Code: 0, Signal: 0 };
        if (!isExpected)
        {
            string state = worker.IsReady ? $"after {worker.Accepted} connections, {worker.Connections} of them open at its last word" : "before it could serve";
            string why = worker.Complaint is { } complaint ? $": {complaint}" : "";
            _supervisor.Tell($"{(worker.IsReady ? ErrorIds.WorkerDied : ErrorIds.WorkerNotReady)}: the worker {worker.Id} {exit} {state}{why}");
            _cut += _isStopping ? worker.Connections : 0;
        }

        if (!worker.IsReady && place.Next == worker)
        {
            place.Pause.Failed(Environment.TickCount64);
            AllReady.TrySetException(new SluiceException(ErrorIds.WorkerNotReady, $"a worker process cannot serve: {worker.Complaint ?? $"it {exit} before it could serve"}"));
        }

        place.WantsAnother |= place.Next == worker && place.Current is not null;
        place.Current = place.Current == worker ? null : place.Current;
        place.Next = place.Next == worker ? null : place.Next;
        worker.Connections = 0;
        CountConnections();
    }

    private WorkerProcess? Start(Place place)
    {
        try
        {
            using var handles = new HeldHandles(_server.Bound.Select(listener => listener.Handle!));
            WorkerProcess? worker = _supervisor.TryStart(place.Index, out string? why);
            if (worker is null)
            {
                AllReady.TrySetException(new SluiceException(ErrorIds.WorkerNotStarted, why!));
            }
            else
            {
                worker.TrySend(WorkerMessage.Listen(place.Index, _server.Bound.Select(listener => listener.Url.ToString())), handles.Numbers);
            }

            return worker;
        }
        catch (ObjectDisposedException)
        {
            return null; // the server stops, and has closed its listeners before this thread heard of it
        }
    }

    private static TimeSpan Left(long deadline) => TimeSpan.FromMilliseconds(Math.Clamp(deadline - Environment.TickCount64, 0, int.MaxValue));

    // A hung worker would hold what the kernel has given it; killing it gives that up, and the others go on.
    private void WatchForHanging(long now)
    {
        if (_hangsAfter == long.MaxValue)
        {
            return;
        }

        foreach (Place place in _places)
        {
            if (place.Current is not { IsLeaving: false, Complaint: null } worker)
            {
                continue;
            }

            if (now - worker.HeardAt >= _hangsAfter)
            {
                worker.Complaint = $"it has not shown for {_hangsAfter / 1000.0:0.###} s that it can serve, and was killed";
                worker.Kill();
            }
            else
            {
                NextDuty = Math.Min(NextDuty, worker.HeardAt + _hangsAfter);
            }
        }
    }

    // The next place is begun when the one before has its new worker.
    private void Restart()
    {
        if (_restarts.Count == 0 && _restarted is null)
        {
            return;
        }

        if (Array.Exists(_places, place => place.IsRestarting && (place.WantsAnother || place.Next is not null)))
        {
            return;
        }

        Array.ForEach(_places, place => place.IsRestarting = false);
        if (_restarts.TryDequeue(out Place? next))
        {
            (next.WantsAnother, next.IsRestarting) = (true, true);
        }
        else
        {
            _restarted?.TrySetResult();
            _restarted = null;
        }
    }

    private void CountConnections() => Volatile.Write(ref _connections, _supervisor.Workers.Sum(worker => worker.Connections));

    private sealed class Place(int index)
    {
        /// <summary>Before the next start.</summary>
        public StartPause Pause;

        public int Index { get; } = index;

        /// <summary>Who serves.</summary>
        public WorkerProcess? Current { get; set; }

        /// <summary>Who is about to.</summary>
        public WorkerProcess? Next { get; set; }

        /// <summary>Whether the one that serves is to be replaced.</summary>
        public bool WantsAnother { get; set; }

        public bool IsRestarting { get; set; }

        public bool HasServed { get; set; }
    }
}
