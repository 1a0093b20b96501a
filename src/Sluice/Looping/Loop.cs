using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Looping;

/// <summary>
/// One thread that serves many connections: waits for the kernel, handles what it tells, then what others posted, what was put off, and what
/// is due. Everything of a loop and its connections happens on that thread, but for what says otherwise.
/// </summary>
internal abstract class Loop : ILiveConnections, IDisposable
{
    private const int Awake = 0;
    private const int Asleep = 1; // the thread waits for the kernel, or is about to
    private const int Posted = 2; // something was posted that the thread has not come to
    private const ulong Nobody = ulong.MaxValue;

    private readonly ConcurrentQueue<(SendOrPostCallback Callback, object? State)> _posted = new();
    private readonly SynchronizationContext _home;
    private Queue<LoopConnection> _later = new();
    private Queue<LoopConnection> _laterNow = new();
    private ThreadStack _stack; // of the loop's thread
    private int _state; // Awake, Asleep or Posted; whoever turns Asleep to Posted wakes the thread
    private long _until; // when a wait has to end for the wheel or a duty: TickCount64, or long.MaxValue
    private int _asked; // 1 from a pulse until the loop has come to it
    private bool _stopping;
    private bool _hasEnded;
    private ulong _serving = Nobody; // whose step it is, to know whom an exception belongs to: a token, because storing a reference costs more

    protected Loop(int index, ServerContext server)
    {
        Index = index;
        Server = server;
        Settings = server.Runner.Settings;
        MaxUnread = Settings.MaxUnread;
        Policy = new LoopPolicy(server);
        Now = Environment.TickCount64;
        Wheel = new TimerWheel(Policy.Tick, Now);
        _home = new LoopSynchronizationContext(this);
    }

    /// <summary>Its number among the server's loops, from 0.</summary>
    public int Index { get; }

    public ServerContext Server { get; }

    /// <summary>What its connections need to know of the server's limits.</summary>
    public ConnectionSettings Settings { get; }

    /// <summary><see cref="ConnectionSettings.MaxUnread"/>, nearer to what each receive looks at.</summary>
    public int MaxUnread { get; }

    public LoopPolicy Policy { get; }

    public TimerWheel Wheel { get; }

    /// <summary>What is received into.</summary>
    public LoopBuffers Buffers { get; } = new();

    /// <summary>What handlers write into.</summary>
    public LoopBuffers Chunks { get; } = new();

    /// <summary>The clock of this turn, in <see cref="Environment.TickCount64"/>: read once after each wait.</summary>
    public long Now { get; private set; }

    /// <summary>Whether the caller is on this loop's thread.</summary>
    public bool IsCurrent
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _stack.IsCallers;
    }

    /// <summary>Connections of this loop, those on their way to it included. From any thread.</summary>
    public abstract int Count { get; }

    /// <summary>How many I/O calls the handler that runs now may still make without going back to the loop.</summary>
    public int Budget { get; set; }

    /// <summary>Changes with everything that the loop begins; what a watchdog compares. From any thread.</summary>
    public long Steps { get; private set; }

    /// <summary>Turns so far.</summary>
    protected long Turns { get; private set; }

    /// <summary>Whether the thread waits for the kernel. From any thread.</summary>
    public bool Sleeps => Volatile.Read(ref _state) == Asleep;

    /// <summary>What wakes the thread out of its wait.</summary>
    protected EventDescriptor WakeUp { get; } = new();

    /// <summary>A connection is on its way to this loop. From any thread.</summary>
    public abstract void Expect();

    /// <summary>Serves a connection that holds a place of the gate, from now to its end. On the loop.</summary>
    public abstract void Adopt(Listener listener, StreamSocket socket);

    /// <summary>A place is free, or a back-off is over: may a listener be looked at again? From any thread; only for the loop that accepts.</summary>
    public abstract void LookAtListeners();

    public abstract void ForEach<T>(Action<StreamConnection, T> what, T with);

    /// <summary>Runs <paramref name="callback"/> on the loop, in order. From any thread; only the first of several wakes it.</summary>
    public void Post(SendOrPostCallback callback, object? state)
    {
        _posted.Enqueue((callback, state));
        if (Interlocked.Exchange(ref _state, Posted) == Asleep)
        {
            WakeUp.Set();
        }

        if (Volatile.Read(ref _hasEnded))
        {
            ThreadPool.UnsafeQueueUserWorkItem(static loop => loop.RunAfterEnd(), this, preferLocal: false);
        }
    }

    /// <summary>Whether the loop has run since this was called the last time. From one other thread.</summary>
    public bool Pulse()
    {
        if (Interlocked.Exchange(ref _asked, 1) != 0)
        {
            return false;
        }

        Post(static loop => Volatile.Write(ref ((Loop)loop!)._asked, 0), this);
        return true;
    }

    /// <summary>Looks at a connection again in the next turn, after the others have had theirs.</summary>
    public void Later(LoopConnection connection) => _later.Enqueue(connection);

    /// <summary>Accepts no more; the loop ends when its last connection has. From any thread.</summary>
    public void Stop() => Post(static loop => ((Loop)loop!).StopHere(), this);

    /// <summary>Serves until it is stopped and empty. The calling thread is the loop's from here on.</summary>
    public void Run()
    {
        _stack = ThreadStack.OfCaller();
        SynchronizationContext.SetSynchronizationContext(_home);
        Now = Environment.TickCount64;
        Begin();
        _until = NextLook;
        while (!(_stopping && IsEmpty && _posted.IsEmpty))
        {
            Turn();
        }

        _stack = default;
        Volatile.Write(ref _hasEnded, true);
        Interlocked.MemoryBarrier(); // whoever posted and did not see it is seen here
        RunAfterEnd();
        Debug.Assert(Buffers.Out == 0 && Chunks.Out == 0, $"{Buffers.Out} buffers and {Chunks.Out} chunks of loop {Index} were rented and not returned");
    }

    public virtual void Dispose() => WakeUp.Dispose();

    /// <summary>Whether nothing is left to serve.</summary>
    protected abstract bool IsEmpty { get; }

    /// <summary>Whether no more is accepted.</summary>
    protected bool IsStopping => _stopping;

    /// <summary>Called on the loop's thread before the first turn.</summary>
    protected abstract void Begin();

    /// <summary>Waits for the kernel, at most this long (-1: for ever), and returns how much there is to handle.</summary>
    protected abstract int Wait(int milliseconds);

    /// <summary>Handles what the last wait found. Called again for the rest when a step has thrown.</summary>
    protected abstract void Handle(int count);

    /// <summary>Gives the kernel what a turn's handlers have sent, before limits are looked at. A wait does so too.</summary>
    protected virtual void SendKept()
    {
    }

    /// <summary>When the loop has something of its own to do, beside connections: TickCount64, or long.MaxValue.</summary>
    protected abstract long NextDuty { get; }

    /// <summary>Does it.</summary>
    protected abstract void DoDuty();

    /// <summary>Accepts no more.</summary>
    protected abstract void OnStopping();

    /// <summary>The connection whose deadline has come; it has been taken off the wheel.</summary>
    protected abstract void OnDue(int slot);

    /// <summary>A new step begins: the budget is full again, and the watchdog sees that the loop goes on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void BeginStep(ulong token = Nobody)
    {
        Budget = LoopPolicy.CallsPerStep;
        Steps++;
        _serving = token;
    }

    /// <summary>The connection that a token means; null when it is gone.</summary>
    protected abstract LoopConnection? Find(ulong token);

    // A task that a handler left behind, or a call on a connection that is long over: one at a time, and the caller's thread is the loop's so
    // long. Nothing of the kernel is left to touch.
    private void RunAfterEnd()
    {
        lock (_posted)
        {
            SynchronizationContext? before = SynchronizationContext.Current;
            SynchronizationContext.SetSynchronizationContext(_home);
            _stack = ThreadStack.OfCaller();
            while (!_posted.IsEmpty || _later.Count > 0)
            {
                RunPosted();
                RunLater();
            }

            _stack = default;
            SynchronizationContext.SetSynchronizationContext(before);
        }
    }

    private void StopHere()
    {
        if (!_stopping)
        {
            _stopping = true;
            OnStopping();
        }
    }

    private void Turn()
    {
        int count = Wait(BeginSleep());
        Interlocked.CompareExchange(ref _state, Awake, Asleep);
        Now = Environment.TickCount64;
        Turns++;
        while (!TryHandle(count))
        {
        }

        if (Volatile.Read(ref _state) == Posted)
        {
            Interlocked.Exchange(ref _state, Awake); // before looking: what comes from here on says so again
            RunPosted();
        }

        if (_later.Count > 0)
        {
            RunLater();
        }

        SendKept();
        RunDue();
        _serving = Nobody;
    }

    // A handler's exceptions are in its task. What comes here is a continuation of somebody's own, or a defect of ours: it costs one connection, and
    // never the loop.
    private bool TryHandle(int count)
    {
        try
        {
            Handle(count);
            return true;
        }
        catch (Exception error) when (_serving != Nobody)
        {
            Fail(error);
            return false;
        }
    }

    /// <summary>Something that the step's connection has left to its loop has thrown: that costs this connection.</summary>
    protected void Fail(Exception error)
    {
        LoopConnection? serving = _serving != Nobody ? Find(_serving) : null;
        _serving = Nobody;
        Server.Events.RaiseNoticed($"{ErrorIds.HandlerFailed}: something that a handler left to its loop threw {error.GetType().Name}: {error.Message}");
        if (serving is not null)
        {
            serving.Failure ??= error;
            serving.End(CloseReason.HandlerFailed);
        }
    }

    private long NextLook => Math.Min(Wheel.NextLook, NextDuty);

    // How long to wait. From here on whoever posts wakes the thread.
    private int BeginSleep() =>
        Interlocked.CompareExchange(ref _state, Asleep, Awake) == Posted || _later.Count > 0 ? 0
        : _until == long.MaxValue ? -1
        : (int)Math.Clamp(_until - Environment.TickCount64, 0, int.MaxValue);

    private void RunPosted()
    {
        // No more than there are now: what these post waits for the next turn, after the kernel's events.
        for (int left = _posted.Count; left > 0 && _posted.TryDequeue(out (SendOrPostCallback Callback, object? State) work); left--)
        {
            BeginStep();
            try
            {
                work.Callback(work.State);
            }
            catch (Exception error)
            {
                Fail(error); // an async void of the handler's, or a callback of its own: it has no task to fail
            }
        }
    }

    private void RunLater()
    {
        (_later, _laterNow) = (_laterNow, _later);
        while (_laterNow.TryDequeue(out LoopConnection? connection))
        {
            BeginStep(connection.Token);
            try
            {
                connection.GoOn();
            }
            catch (Exception error)
            {
                Fail(error);
            }
        }
    }

    private void RunDue()
    {
        _until = NextLook;
        if (_until <= Now)
        {
            RunDueNow();
            _until = NextLook;
        }
    }

    private void RunDueNow()
    {
        if (Wheel.NextLook <= Now)
        {
            while (Wheel.TryTakeExpired(Now, out int slot))
            {
                BeginStep();
                OnDue(slot);
            }
        }

        if (NextDuty <= Now)
        {
            DoDuty();
        }
    }
}
