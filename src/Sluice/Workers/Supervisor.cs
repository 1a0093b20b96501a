using System.Collections.Concurrent;
using System.Globalization;
using Sluice.Accepting;
using Sluice.Diagnostics;
using Sluice.Native;

namespace Sluice.Workers;

/// <summary>
/// Keeps the processes of one server: starts them, hears what they say, notices at once when one ends (by its pidfd), and reaps it. What a worker is for is its
/// <see cref="IWorkerCrew"/>'s business. One thread; any other <see cref="Post"/>s to it.
/// </summary>
internal sealed class Supervisor : IDisposable
{
    private const int SleptTooLong = 1000;

    private readonly ConcurrentQueue<Action> _posted = new();
    private readonly EventDescriptor _wakeUp = new();
    private readonly List<WorkerProcess> _workers = [];
    private readonly WorkerProgram _program;
    private readonly WorkerOptions _options;
    private readonly ServerEvents _events;
    private readonly string _server;
    private readonly Dictionary<string, string> _marks;
    private PollDescriptor[] _polled = [];
    private bool _hasEnded;
    private int _watched; // workers of the last wait: the first ones of the list

    public Supervisor(ServerContext server)
    {
        _options = server.Options.Workers;
        _events = server.Events;
        _server = server.Options.NameOrAddresses;
        _program = WorkerProgram.From(_options.Program);
        _marks = new Dictionary<string, string>(StringComparer.Ordinal) { [WorkerRole.Variable] = _server };
        if (_options.HeapLimit is { } most)
        {
            KeyValuePair<string, string> limit = WorkerProgram.HeapLimit(most);
            _marks[limit.Key] = limit.Value;
        }
    }

    /// <summary>The processes that there are, those that are starting or leaving included. On its thread.</summary>
    public IReadOnlyList<WorkerProcess> Workers => _workers;

    /// <summary>Has <paramref name="work"/> done on its thread, soon. From any thread.</summary>
    public void Post(Action work)
    {
        _posted.Enqueue(work);
        _wakeUp.Set();
        if (Volatile.Read(ref _hasEnded))
        {
            RunPosted();
        }
    }

    /// <summary>Has the crew's duty looked at, soon. From any thread.</summary>
    public void Wake() => _wakeUp.Set();

    /// <summary>Starts one more process. On its thread. Null, and the operator is told why, when the system has none to give.</summary>
    public WorkerProcess? TryStart(int slot, out string? why)
    {
        why = null;
        ChildProcess? child = _program.TryStart(_marks, out WorkerLink? link, out NativeError error);
        if (child is null)
        {
            why = error == NativeError.NoEntry
                ? $"a worker process could not be started: there is no program {_program}, or the directory that it was started in is gone"
                : $"a worker process could not be started ({error}); raise what is short: descriptors (ulimit -n), processes (ulimit -u) or memory";
            Tell($"{ErrorIds.WorkerNotStarted}: {why}");
            return null;
        }

        if (_options.ProcessorTimeLimit is { } time)
        {
            child.TryLimitProcessorTime(time);
        }

        var worker = new WorkerProcess(child, link!, slot, Wake);
        _workers.Add(worker);
        return worker;
    }

    /// <summary>Tells the operator. From any thread.</summary>
    public void Tell(FormattableString line) => _events.RaiseNoticed(line.ToString(CultureInfo.InvariantCulture));

    /// <summary>Serves <paramref name="crew"/> on the calling thread until it is over; what is left of its processes then is killed.</summary>
    public void Run(IWorkerCrew crew)
    {
        try
        {
            while (!crew.IsOver)
            {
                Wait(crew.NextDuty);
                RunPosted();
                Hear(crew);
                crew.DoDuty(Environment.TickCount64);
            }
        }
        finally
        {
            foreach (WorkerProcess worker in _workers)
            {
                worker.Kill();
                worker.Child.TryReap(-1, out _);
                worker.Dispose();
            }

            _workers.Clear();
            Volatile.Write(ref _hasEnded, true);
            Interlocked.MemoryBarrier(); // whoever posted and did not see it is seen here
            RunPosted();
        }
    }

    public void Dispose() => _wakeUp.Dispose();

    private void RunPosted()
    {
        while (_posted.TryDequeue(out Action? work))
        {
            work();
        }
    }

    // Two descriptors a worker: its end, and its voice while it may say something that cannot wait for its end.
    private void Wait(long until)
    {
        _watched = _workers.Count;
        int count = 1 + (2 * _watched);
        if (_polled.Length < count)
        {
            _polled = new PollDescriptor[count * 2];
        }

        _polled[0] = new PollDescriptor { Descriptor = _wakeUp.Number, Events = PollDescriptor.In };
        foreach ((int index, WorkerProcess worker) in _workers.Index())
        {
            _polled[1 + (2 * index)] = new PollDescriptor { Descriptor = worker.Child.Descriptor, Events = PollDescriptor.In };
            _polled[2 + (2 * index)] = new PollDescriptor { Descriptor = worker.SpeaksOn, Events = PollDescriptor.In };
            until = Math.Min(until, worker.KillAt);
            if (!worker.IsReady && worker.Complaint is null)
            {
                until = Math.Min(until, worker.StartedAt + (long)_options.ReadyWithin.TotalMilliseconds);
            }
        }

        long began = Environment.TickCount64;
        int milliseconds = until == long.MaxValue ? -1 : (int)Math.Clamp(until - began, 0, int.MaxValue);
        if (DescriptorPoll.Wait(_polled.AsSpan(0, count), milliseconds) == 0)
        {
            _watched = 0; // nothing happened to any of them
        }
        else if (_polled[0].Returned != 0)
        {
            _wakeUp.Reset();
        }

        if (milliseconds >= 0 && Environment.TickCount64 - began > milliseconds + SleptTooLong)
        {
            _workers.ForEach(static worker => worker.HeardAt = Environment.TickCount64); // all were stopped together, this process too: nobody hangs
        }
    }

    // From the last to the first, because those that have ended are taken out; those that a crew starts meanwhile are added behind.
    private void Hear(IWorkerCrew crew)
    {
        long now = Environment.TickCount64;
        for (int i = _workers.Count - 1; i >= 0; i--)
        {
            WorkerProcess worker = _workers[i];
            bool isWatched = i < _watched;
            bool hasEnded = isWatched && _polled[1 + (2 * i)].Returned != 0;
            while ((hasEnded || (isWatched && _polled[2 + (2 * i)].Returned != 0)) && worker.TryHear(out WorkerMessage message))
            {
                worker.HeardAt = now;
                On(crew, worker, message);
            }

            if (hasEnded && worker.Child.TryReap(out ChildExit exit))
            {
                _workers.RemoveAt(i);
                crew.OnExit(worker, exit);
                worker.Dispose();
            }
            else if (!worker.IsReady && worker.Complaint is null && now - worker.StartedAt >= _options.ReadyWithin.TotalMilliseconds)
            {
                worker.Complaint = $"it did not reach RunAsync of the server '{_server}' within {_options.ReadyWithin.TotalSeconds:0.###} s: what Main does before that must be quick, and must not depend on being first";
                worker.Kill();
            }
            else if (now >= worker.KillAt)
            {
                worker.KillInTime();
            }
        }
    }

    private static void On(IWorkerCrew crew, WorkerProcess worker, in WorkerMessage message)
    {
        switch (message.Kind)
        {
            case WorkerMessageKind.Ready when worker.Complaint is not null:
                break; // too late: it is being killed
            case WorkerMessageKind.Ready:
                worker.IsReady = true;
                crew.OnReady(worker);
                break;
            case WorkerMessageKind.Failed:
                worker.Complaint ??= message.Text;
                break;
            default:
                crew.OnMessage(worker, message);
                break;
        }
    }
}

/// <summary>What a supervisor's processes are for. Called on its thread.</summary>
internal interface IWorkerCrew
{
    /// <summary>Whether nothing is left to do.</summary>
    bool IsOver { get; }

    /// <summary>When <see cref="DoDuty"/> has something to do though nothing happens: TickCount64, or long.MaxValue.</summary>
    long NextDuty { get; }

    /// <summary>Called after everything that happened, and when it is time.</summary>
    void DoDuty(long now);

    void OnReady(WorkerProcess worker);

    void OnMessage(WorkerProcess worker, in WorkerMessage message);

    /// <summary>It has ended and is reaped.</summary>
    void OnExit(WorkerProcess worker, ChildExit exit);
}
