using System.Numerics;

namespace Sluice.Looping;

/// <summary>
/// The deadlines of one loop: a hashed wheel of 1,024 buckets, one a tick (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels",
/// 1987, scheme 6). Times are milliseconds as <see cref="Environment.TickCount64"/> counts them; a deadline belongs to a slot, a small
/// number that is used again. Called on one thread only. 16 bytes a slot, taken with the first deadline; no operation allocates after that.
/// </summary>
internal sealed class TimerWheel
{
    private const int Buckets = 1024; // a power of two
    private const int Nowhere = 0; // what _next says of a node that is in no list: new arrays are filled with it
    private const int FirstBucket = 1;
    private const int Sprung = FirstBucket + Buckets; // the head of the list of those whose bucket has come round
    private const int FirstSlot = Sprung + 1;
    private const int Unknown = -1;

    private readonly int _tick;
    private readonly ulong[] _occupied = new ulong[Buckets / 64];

    // Circular lists through their heads: to leave one or to join two takes no search. A node is a head or a slot (FirstSlot + slot).
    private int[] _next = [];
    private int[] _previous = [];
    private long[] _due = [];

    // The bucket the wheel stands at, and the time it stands for. Every other bucket stands for a later tick, the one before it for the latest.
    private int _current;
    private long _time;
    private int _first = Unknown; // what FirstOccupied has found, while nothing has changed: a loop asks in every turn

    /// <summary>A wheel that stands at <paramref name="now"/>.</summary>
    /// <param name="tick">How late a deadline may be noticed: whole milliseconds, at least one.</param>
    /// <param name="now">The time in milliseconds.</param>
    public TimerWheel(TimeSpan tick, long now)
    {
        _tick = checked((int)tick.TotalMilliseconds);
        ArgumentOutOfRangeException.ThrowIfLessThan(_tick, 1, nameof(tick));
        _time = now;
    }

    /// <summary>How many slots have a deadline.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// When to call <see cref="TryTakeExpired"/> next: never later than a tick after the earliest deadline, but it may be earlier, because
    /// a deadline more than 1,023 ticks away is looked at again on the way. <see cref="long.MaxValue"/> without a deadline.
    /// </summary>
    public long NextLook => Count == 0 ? long.MaxValue
        : _next[Sprung] != Sprung ? _time
        : _time + ((long)(_first != Unknown ? _first : _first = FirstOccupied()) * _tick);

    /// <summary>Sets the slot's deadline, or moves it.</summary>
    public void Schedule(int slot, long due)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(slot);
        if (slot >= _due.Length)
        {
            Grow(slot + 1);
        }

        Cancel(slot);
        _due[slot] = due;
        PutDown(slot);
        Count++;
    }

    /// <summary>Takes the slot's deadline away, if it has one.</summary>
    public void Cancel(int slot)
    {
        if (IsScheduled(slot))
        {
            Unlink(FirstSlot + slot);
            Count--;
        }
    }

    /// <summary>Whether the slot has a deadline that has not been taken yet.</summary>
    public bool IsScheduled(int slot) => (uint)slot < (uint)_due.Length && _next[FirstSlot + slot] != Nowhere;

    /// <summary>The deadline of a slot that is scheduled.</summary>
    public long DueOf(int slot) => _due[slot];

    /// <summary>
    /// Takes one slot whose deadline has come: never before it, and at most a tick after it if called when <see cref="NextLook"/> says so.
    /// False when there is none. Deadlines may be set, moved and taken away between two calls.
    /// </summary>
    public bool TryTakeExpired(long now, out int slot)
    {
        Turn(now);
        while (Count > 0 && _next[Sprung] is var node && node != Sprung)
        {
            Unlink(node);
            slot = node - FirstSlot;
            if (_due[slot] <= now)
            {
                Count--;
                return true;
            }

            // It waited here for a deadline beyond the horizon.
            PutDown(slot);
        }

        slot = -1;
        return false;
    }

    // Turns the wheel to the tick that has begun last. Whatever the time was, a bucket is emptied once.
    private void Turn(long now)
    {
        if (now < _time)
        {
            return;
        }

        long ticks = (now - _time) / _tick;
        if (Count > 0)
        {
            while (FirstOccupied() is var ahead and >= 0 && ahead <= ticks)
            {
                Spring((_current + ahead) % Buckets);
            }
        }

        _current = (int)((_current + ticks) % Buckets);
        _first = Unknown;
        _time += ticks * _tick;
    }

    // Appends all of a bucket to the list of the sprung.
    private void Spring(int bucket)
    {
        int head = FirstBucket + bucket;
        (int first, int last, int end) = (_next[head], _previous[head], _previous[Sprung]);
        (_next[end], _previous[first]) = (first, end);
        (_next[last], _previous[Sprung]) = (Sprung, last);
        (_next[head], _previous[head]) = (head, head);
        _occupied[bucket / 64] &= ~(1UL << (bucket % 64));
    }

    // Puts a slot into the bucket of the first tick that is not before its deadline, or into the farthest one.
    private void PutDown(int slot)
    {
        long due = _due[slot];
        int ahead = due <= _time ? 0
            : due - _time > (Buckets - 1L) * _tick ? Buckets - 1
            : (int)((due - _time + _tick - 1) / _tick);
        int bucket = (_current + ahead) % Buckets;
        (int node, int head) = (FirstSlot + slot, FirstBucket + bucket);
        int last = _previous[head];
        (_previous[node], _next[node]) = (last, head);
        (_next[last], _previous[head]) = (node, node);
        _occupied[bucket / 64] |= 1UL << (bucket % 64);
        _first = Unknown;
    }

    private void Unlink(int node)
    {
        (int previous, int next) = (_previous[node], _next[node]);
        (_next[previous], _previous[next], _next[node]) = (next, previous, Nowhere);
        if (previous == next && previous < Sprung)
        {
            // Only the head is left of its bucket.
            int bucket = previous - FirstBucket;
            _occupied[bucket / 64] &= ~(1UL << (bucket % 64));
            _first = Unknown;
        }
    }

    // How many ticks ahead the first bucket is that is not empty; -1 when all are.
    private int FirstOccupied()
    {
        int word = _current / 64;
        ulong bits = _occupied[word] & (ulong.MaxValue << (_current % 64));
        for (int looked = 0; looked <= _occupied.Length; looked++)
        {
            if (bits != 0)
            {
                int bucket = (word * 64) + BitOperations.TrailingZeroCount(bits);
                return (bucket - _current + Buckets) % Buckets;
            }

            // Round the end, back to the word it started in: there the bits before the current one are left.
            word = (word + 1) % _occupied.Length;
            bits = _occupied[word];
        }

        return -1;
    }

    private void Grow(int slots)
    {
        bool first = _due.Length == 0;
        int size = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(slots, 64));
        Array.Resize(ref _due, size);
        Array.Resize(ref _next, FirstSlot + size);
        Array.Resize(ref _previous, FirstSlot + size);
        for (int head = FirstBucket; first && head <= Sprung; head++)
        {
            (_next[head], _previous[head]) = (head, head);
        }
    }
}
