using System.Runtime.CompilerServices;

namespace Sluice.Looping;

/// <summary>
/// The limits, with lazy deadlines: a connection is on the wheel at most once, and what it waits for now is looked at only when that comes
/// due. The way of a request costs one store of the turn's clock, and nothing without limits.
/// </summary>
internal abstract partial class LoopConnection
{
    private Progress? _progress; // made with the first limit that counts

    /// <summary>A read begins to wait.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void WatchRead()
    {
        if (_progress is { IsQuiet: true } progress && !PeerOwes)
        {
            progress.ReadSince = Loop.Now;
        }
        else if (Loop.Policy.WatchesReads && !HasEnded)
        {
            WatchReadTime();
        }
    }

    private void WatchReadTime()
    {
        Progress progress = _progress ??= new Progress();
        progress.ReadSince = Loop.Now;
        if (Loop.Policy.MinRate is not null && PeerOwes)
        {
            Owe();
        }
        else if (progress is { OwedSince: > 0, FlushSince: 0 } && !PeerOwes)
        {
            progress.OwedSince = 0; // the unit is complete
        }

        // What is on the wheel may be a farther limit, of the lifetime or of a flush that is over.
        if (!Loop.Wheel.IsScheduled(Slot) || (Loop.Policy.Idle != long.MaxValue && Loop.Wheel.DueOf(Slot) > Loop.Now + Loop.Policy.Idle))
        {
            ScheduleNext();
        }

        progress.IsQuiet = progress is { OwedSince: 0, FlushSince: 0 };
    }

    /// <summary>Something waits to be sent.</summary>
    internal void WatchWrite()
    {
        Progress progress = _progress ??= new Progress();
        if (progress.FlushSince == 0 || progress.FlushBytes != BytesSent)
        {
            (progress.FlushSince, progress.FlushBytes) = (Loop.Now, BytesSent);
        }

        if (Loop.Policy.MinRate is not null)
        {
            Owe();
        }

        ScheduleNext();
    }

    /// <summary>Everything is sent, or nobody waits for it any more.</summary>
    internal void WriteDone()
    {
        if (_progress is { } progress)
        {
            progress.FlushSince = 0;
            if (!PeerOwes)
            {
                progress.OwedSince = 0;
            }
        }
    }

    /// <summary>Its deadline on the wheel has come. Called by the loop.</summary>
    internal void OnDue()
    {
        if (_phase == LoopPhase.Lingering)
        {
            CloseNow(reset: false);
            return;
        }

        CloseReason reason = Exceeded(out long next);
        if (reason != CloseReason.None)
        {
            End(reason);
        }
        else
        {
            Schedule(next);
        }
    }

    /// <summary>Whether the peer owes bytes: a frame is partly received, or the handler has begun a unit.</summary>
    private bool PeerOwes => InUnit || HasUnread;

    private void ScheduleFirst()
    {
        if (Loop.Policy.FirstByte != long.MaxValue || Loop.Policy.Lifetime != long.MaxValue)
        {
            ScheduleNext();
        }
    }

    private void ScheduleNext()
    {
        Exceeded(out long next);
        Schedule(next);
    }

    private void Schedule(long next)
    {
        if (_progress is { } progress)
        {
            progress.IsQuiet = false;
        }

        if (next != long.MaxValue)
        {
            Loop.Wheel.Schedule(Slot, next);
        }
    }

    private void Owe()
    {
        Progress progress = _progress ??= new Progress();
        if (progress.OwedSince == 0)
        {
            (progress.OwedSince, progress.OwedBytes) = (Loop.Now, BytesReceived + BytesSent);
            ScheduleNext();
        }
    }

    // The limit that is exceeded now, or when the next one would be.
    private CloseReason Exceeded(out long next)
    {
        LoopPolicy policy = Loop.Policy;
        long now = Loop.Now;
        next = long.MaxValue;
        if (Passed(AcceptedAt, policy.Lifetime, now, ref next))
        {
            return CloseReason.Lifetime;
        }

        if (BytesReceived == 0 && Passed(AcceptedAt, policy.FirstByte, now, ref next))
        {
            return CloseReason.FirstByteTimeout;
        }

        if (_progress is not { } progress)
        {
            return CloseReason.None;
        }

        bool reads = _reader.Waits && _phase == LoopPhase.Serving;
        if (reads && (InUnit || !policy.IdleInsideUnitsOnly) && Passed(progress.ReadSince, policy.Idle, now, ref next))
        {
            return CloseReason.IdleTimeout;
        }

        bool sends = progress.FlushSince > 0;
        if (sends)
        {
            if (progress.FlushBytes != BytesSent)
            {
                (progress.FlushSince, progress.FlushBytes) = (now, BytesSent);
            }

            if (Passed(progress.FlushSince, policy.Write, now, ref next))
            {
                return CloseReason.WriteTimeout;
            }
        }

        if (progress.OwedSince > 0 && Passed(progress.OwedSince, policy.MinRateWindow, now, ref next))
        {
            // A unit that the handler is busy with keeps its window.
            bool owes = (reads && PeerOwes) || sends;
            long bytes = BytesReceived + BytesSent;
            if (owes && bytes - progress.OwedBytes < policy.MinRate * (now - progress.OwedSince) / 1000)
            {
                return CloseReason.MinRate;
            }

            (progress.OwedSince, progress.OwedBytes) = (now, bytes);
            Passed(now, policy.MinRateWindow, now, ref next);
        }

        return CloseReason.None;
    }

    private static bool Passed(long since, long limit, long now, ref long next)
    {
        if (limit == long.MaxValue)
        {
            return false;
        }

        if (now - since >= limit)
        {
            return true;
        }

        next = Math.Min(next, since + limit);
        return false;
    }

    /// <summary>When what is limited began, and how far it was then.</summary>
    private sealed class Progress
    {
        public long ReadSince;  // when the read that waits began to
        public long FlushSince; // 0: nothing waits to be sent
        public long FlushBytes;
        public long OwedSince;  // 0: nothing is owed
        public long OwedBytes;

        /// <summary>Nothing is owed or waits to be sent, and the wheel has what there is: a read that begins to wait has nothing else to do.</summary>
        public bool IsQuiet;
    }
}
