using Microsoft.AspNetCore.Connections;

namespace Sluice.Sessions;

/// <summary>
/// Serves the peers of a datagram listener with a handler of connections: each peer has a session of its own, which is a <see cref="ConnectionContext"/> with
/// expiry and hard limits. A read gives one datagram, a flush sends one. It adds no order and no delivery to what datagrams are. One object may serve several
/// listeners; from any thread.
/// </summary>
/// <remarks>
/// The handler runs inside <see cref="OnDatagramAsync"/> until it waits, on the thread that brought the datagram; under an event loop on the loop, always. Sessions
/// are in this process's memory, so models that serve datagrams in different processes are refused (SLU0107).
/// </remarks>
[SharesState]
public sealed class DatagramSessions : DatagramHandler, IDisposable
{
    private static readonly TimeSpan ShortestTick = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestTick = TimeSpan.FromSeconds(5);

    private readonly SessionTable _table;
    private readonly ITimer _timer;
    private readonly TimeSpan _tick;
    private int _ticks; // whether the timer does
    private long _held;
    private long _begun;
    private long _refused;
    private long _dropped;
    private long _notSent;
    private long _failed;

    /// <summary>Serves peers with <paramref name="handler"/>; each starts from the ExecutionContext of now.</summary>
    /// <exception cref="SluiceException">SLU0008: an option is out of its range.</exception>
    public DatagramSessions(ConnectionDelegate handler, DatagramSessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Options = (options ?? new()).Checked();
        Runner = new SessionRunner(handler);
        _table = new SessionTable(Options);
        TimeSpan shortest = new[] { Options.IdleTimeout, Options.EndGrace, Options.Lifetime ?? TimeSpan.MaxValue }.Min() / 2;
        _tick = shortest < ShortestTick ? ShortestTick : shortest > LongestTick ? LongestTick : shortest;
        _timer = Options.Time.CreateTimer(static sessions => ((DatagramSessions)sessions!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// A handler threw, which has ended its session and nothing else; <see cref="OnDatagramAsync"/> does not throw it. Raised on the thread on which the handler ended,
    /// which waits for the subscriber. What a subscriber throws is dropped, and the others are told.
    /// </summary>
    public event Action<ConnectionContext, Exception>? HandlerFailed;

    /// <summary>Sessions now, of <see cref="DatagramSessionOptions.MaxSessions"/>: those that live, and those that have ended and wait for their handler within the grace.</summary>
    public int Count => _table.Places;

    /// <summary>Sessions that have ended longer ago than the grace, and whose handler has not returned.</summary>
    public int Lingering => _table.Lingering;

    /// <summary>Bytes that unread datagrams take now, of <see cref="DatagramSessionOptions.MaxTotalQueuedBytes"/>.</summary>
    public long QueuedBytes => Volatile.Read(ref _held);

    /// <summary>Sessions that were begun.</summary>
    public long Begun => Volatile.Read(ref _begun);

    /// <summary>Datagrams that began no session: there were too many, the server stops, or the peer has no address and could not be answered.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Datagrams that were dropped: their session was full, or all of them were, or it ended before it had read them; or they were cut when they were received.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Datagrams of sessions that the system did not take to send, or that were over the budget when the session ended.</summary>
    public long NotSent => Volatile.Read(ref _notSent);

    /// <summary>Handlers that threw.</summary>
    public long Failures => Volatile.Read(ref _failed);

    internal DatagramSessionOptions Options { get; }

    internal SessionRunner Runner { get; }

    private long Now => Options.Time.GetTimestamp();

    /// <inheritdoc/>
    public override ValueTask OnDatagramAsync(DatagramContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.IsTruncated)
        {
            CountDropped(1); // a handler could not tell
            return ValueTask.CompletedTask;
        }

        long now = Now;
        IDatagramSender sender = context.Sender;
        while (true)
        {
            DatagramSession? session = _table.Find(sender, context.RemoteAddress, now, out DatagramSession? over);
            EndIdle(over, now, inline: true);
            if (session is null)
            {
                if (TryBegin(context, now))
                {
                    return ValueTask.CompletedTask;
                }

                continue; // another thread was faster
            }

            switch (session.Take(context.Payload.Span))
            {
                case Receipt.Awaited:
                    session.GoOn(inline: true);
                    return ValueTask.CompletedTask;
                case Receipt.UnreadLimit:
                    session.End(CloseReason.UnreadLimit, inline: true);
                    return ValueTask.CompletedTask;
                case Receipt.Ended:
                    _table.Retired(session, now);
                    continue; // this datagram begins the next
                default:
                    return ValueTask.CompletedTask;
            }
        }
    }

    /// <summary>Ends all sessions, and refuses what still comes.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        for (DatagramSession? session = _table.Close(Now); session is not null;)
        {
            (DatagramSession ending, session) = (session, session.NextOver);
            ending.NextOver = null;
            ending.End(CloseReason.Aborted);
        }
    }

    /// <summary>
    /// Takes room for so many bytes. The second half of all there is goes to sessions that have nothing unread, so that those who do not read cost the others
    /// nothing while it lasts.
    /// </summary>
    internal bool TryHold(int bytes, bool hasUnread)
    {
        long most = hasUnread ? Options.MaxTotalQueuedBytes / 2 : Options.MaxTotalQueuedBytes;
        if (Interlocked.Add(ref _held, bytes) <= most)
        {
            return true;
        }

        Interlocked.Add(ref _held, -bytes);
        return false;
    }

    internal void GiveBack(int bytes) => Interlocked.Add(ref _held, -bytes);

    internal void Sent(DatagramSession session) => _table.Touch(session, Now);

    internal void Retired(DatagramSession session) => _table.Retired(session, Now);

    internal void Forget(DatagramSession session) => _table.Forget(session);

    internal void Failed(DatagramSession session, Exception failure)
    {
        Interlocked.Increment(ref _failed);
        foreach (Action<ConnectionContext, Exception> subscriber in Delegate.EnumerateInvocationList(HandlerFailed))
        {
            try
            {
                subscriber(session, failure);
            }
            catch (Exception)
            {
                // Nobody is there to hear of it: this may be a work item of the pool, where it would end the process.
            }
        }
    }

    /// <summary>
    /// The server whose datagrams bring <paramref name="stopping"/> stops: no peer begins a session any more, and those whose handler waits with nothing unread end.
    /// Asked again and again, as others come to their next read.
    /// </summary>
    internal void RequestEnd(CancellationToken stopping)
    {
        foreach (DatagramSession session in _table.BeginEnd(stopping))
        {
            session.RequestEnd();
        }
    }

    /// <summary>Ends when no handler of that server's sessions runs.</summary>
    internal Task EndedAsync(CancellationToken stopping) => _table.EndedAsync(stopping);

    internal void CountDropped(int count) => Interlocked.Add(ref _dropped, count);

    internal void CountNotSent() => Interlocked.Increment(ref _notSent);

    // False: somebody has begun a session of this peer meanwhile. Where there is no room for one, the datagram is counted.
    private bool TryBegin(DatagramContext context, long now)
    {
        if (context.RemoteAddress.Size == 0 || context.Stopping.IsCancellationRequested || _table.IsEnding(context.Stopping) || !TryTakePlace(now))
        {
            Interlocked.Increment(ref _refused);
            return true;
        }

        var begun = new DatagramSession(this, context, now);
        if (begun.Take(context.Payload.Span) != Receipt.Kept)
        {
            _table.Forget(begun);
            return true;
        }

        begun.WatchStopping();
        if (!_table.TryAdd(begun))
        {
            begun.Discard();
            _table.Forget(begun);
            CountDropped(-1); // it is not: another session takes it, or it is refused
            return false;
        }

        Interlocked.Increment(ref _begun);
        StartTicking();
        begun.GoOn(inline: true);
        return true;
    }

    private bool TryTakePlace(long now)
    {
        if (_table.TryTakePlace())
        {
            return true;
        }

        if (Options.OnFull == OnSessionsFull.EndIdlest && _table.TakeIdlest(now) is { } idlest)
        {
            // Nearly always its handler returns at once, and its place is free; where not, the next datagram has it.
            idlest.End(CloseReason.Aborted, inline: true);
            return _table.TryTakePlace();
        }

        return false;
    }

    private void EndIdle(DatagramSession? over, long now, bool inline)
    {
        while (over is { } session)
        {
            over = session.NextOver;
            session.NextOver = null;
            session.End(HasOutlived(session, now) ? CloseReason.Lifetime : CloseReason.IdleTimeout, inline);
        }
    }

    private bool HasOutlived(DatagramSession session, long now) =>
        Options.Lifetime is { } lifetime && Options.Time.GetElapsedTime(session.BeganAt, now) >= lifetime;

    // The timer rests while there is nothing to look at.
    private void StartTicking()
    {
        if (Volatile.Read(ref _ticks) == 0 && Interlocked.Exchange(ref _ticks, 1) == 0)
        {
            _timer.Change(_tick, Timeout.InfiniteTimeSpan);
        }
    }

    private void Tick()
    {
        long now = Now;
        EndIdle(_table.Sweep(now), now, inline: false);
        if (Options.Lifetime is not null)
        {
            EndIdle(_table.TakeOld(now), now, inline: false);
        }

        Volatile.Write(ref _ticks, 0);
        if (Count > 0)
        {
            StartTicking();
        }
    }
}
