using Sluice.Native;

namespace Sluice.Workers;

/// <summary>One worker as its master sees it. For the supervisor's thread, but for what says otherwise.</summary>
internal sealed class WorkerProcess(ChildProcess child, WorkerLink link, int slot, Action wake) : IDisposable
{
    // How long one that was told to end at once may take.
    private const int LastPatience = 3500;

    private long _killAt = long.MaxValue;

    /// <summary>The number of its process. From any thread.</summary>
    public int Id => child.Id;

    /// <summary>Which of several it is.</summary>
    public int Slot { get; } = slot;

    public ChildProcess Child => child;

    public long StartedAt { get; } = Environment.TickCount64;

    /// <summary>When it last said anything.</summary>
    public long HeardAt { get; set; } = Environment.TickCount64;

    /// <summary>Whether it has said that it can serve.</summary>
    public bool IsReady { get; set; }

    /// <summary>Whether it was told to end.</summary>
    public bool IsLeaving { get; private set; }

    /// <summary>Whether its end of the link is closed.</summary>
    public bool IsSilent { get; private set; }

    /// <summary>Why it is to be ended, or has said that it ends; null while all is well.</summary>
    public string? Complaint { get; set; }

    /// <summary>What it has accepted, as it last told.</summary>
    public long Accepted { get; set; }

    /// <summary>What it serves, as it last told.</summary>
    public int Connections { get; set; }

    /// <summary>When the supervisor kills it, if it is still there: TickCount64, or long.MaxValue. From any thread.</summary>
    public long KillAt => Interlocked.Read(ref _killAt);

    /// <summary>The descriptor on which it speaks; -1 when there is nothing more to hear.</summary>
    public int SpeaksOn => IsSilent ? -1 : link.Descriptor;

    /// <summary>Tells it something. From any thread. False: it is gone.</summary>
    public bool TrySend(in WorkerMessage message, ReadOnlySpan<int> descriptors = default) => link.TrySend(message, descriptors);

    /// <summary>What it has said and nobody has heard yet.</summary>
    public bool TryHear(out WorkerMessage message)
    {
        message = default;
        if (IsSilent)
        {
            return false;
        }

        LinkState state = link.Receive(out message, out int[] descriptors, wait: false);
        WorkerLink.Close(descriptors);
        IsSilent = state == LinkState.Closed;
        return state == LinkState.Open;
    }

    /// <summary>Tells it to end within that time, and whether others go on accepting.</summary>
    public void Leave(TimeSpan within, bool othersAccept = false)
    {
        IsLeaving = true;
        KillAfter(within);
        if (!TrySend(WorkerMessage.Drain(within, othersAccept)))
        {
            Kill();
        }
    }

    /// <summary>It has said its last word: it is killed if it does not end by itself.</summary>
    public void EndsSoon() => KillAfter(TimeSpan.Zero);

    /// <summary>Kills it; once.</summary>
    public void KillInTime()
    {
        Interlocked.Exchange(ref _killAt, long.MaxValue);
        Kill();
    }

    /// <summary>Tells it to cut what it serves and to end; soon it is killed if it does not. From any thread.</summary>
    public void LeaveNow()
    {
        TrySend(WorkerMessage.Drain(TimeSpan.Zero));
        KillAfter(TimeSpan.Zero);
        wake();
    }

    // The earliest time counts.
    private void KillAfter(TimeSpan time)
    {
        long at = Environment.TickCount64 + (long)time.TotalMilliseconds + LastPatience;
        long before;
        while (at < (before = Interlocked.Read(ref _killAt)) && Interlocked.CompareExchange(ref _killAt, at, before) != before)
        {
        }
    }

    /// <summary>Ends it, whatever it does.</summary>
    public void Kill() => child.Signal(ChildProcess.Kill);

    public void Dispose()
    {
        link.Dispose();
        child.Dispose();
    }
}
