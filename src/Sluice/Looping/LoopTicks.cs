using Sluice.Diagnostics;

namespace Sluice.Looping;

/// <summary>Tells of a loop's turns to whoever subscribed: a wait that found something, or the longest wait passed. Wake-ups of our own are no turns.</summary>
internal sealed class LoopTicks(int loop, ServerEvents events, TimeSpan? longestWait)
{
    private long _iteration;
    private long _emptyAt = long.MaxValue; // when the longest wait is over, in TickCount64
    private bool _waits;

    /// <summary>Whether anybody wants to know. Asked before a turn costs anything.</summary>
    public bool AreWatched => events.WatchesTicks;

    /// <summary>Before a wait of so many milliseconds (-1: for ever). Returns how long it may be.</summary>
    public int BeforeWait(int milliseconds)
    {
        if (!_waits)
        {
            _waits = true;
            events.RaiseLoopWaiting(loop);
            _emptyAt = longestWait is { } longest ? Environment.TickCount64 + (long)longest.TotalMilliseconds : long.MaxValue;
        }

        if (_emptyAt == long.MaxValue)
        {
            return milliseconds;
        }

        int left = (int)Math.Clamp(_emptyAt - Environment.TickCount64, 0, int.MaxValue);
        return milliseconds < 0 ? left : Math.Min(left, milliseconds);
    }

    /// <summary>After it, with what is ready.</summary>
    public void AfterWait(IReadOnlyList<LoopReady> ready, int watched)
    {
        if (ready.Count > 0 || Environment.TickCount64 >= _emptyAt)
        {
            _waits = false;
            events.RaiseLoopTick(new LoopTick { Loop = loop, Iteration = ++_iteration, Watched = watched, Ready = ready });
        }
    }
}
