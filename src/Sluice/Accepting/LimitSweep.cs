using Sluice.Connections;
using Sluice.Diagnostics;

namespace Sluice.Accepting;

/// <summary>
/// Watches the time limits of every connection that no loop keeps (a loop has its own wheel) from one thread, so that the way of a request
/// needs no clock and no timer. A connection's
/// tickets and byte counts say what has not moved since the last look; a limit is noticed at most one look late.
/// </summary>
internal sealed class LimitSweep : IDisposable
{
    private static readonly TimeSpan ShortestLook = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestLook = TimeSpan.FromSeconds(1);

    private readonly ServerLimits _limits;
    private readonly ConnectionTable _table;
    private readonly ServerMetrics _metrics;
    private readonly ManualResetEventSlim _stop = new(initialState: false, spinCount: 0);
    private readonly TimeSpan _look;

    public LimitSweep(ServerLimits limits, ConnectionTable table, ServerMetrics metrics)
    {
        _metrics = metrics;
        _limits = limits;
        _table = table;
        _look = LookFor(limits);
        new Thread(Run, maxStackSize: 128 * 1024) { IsBackground = true, Name = "sluice-limits" }.UnsafeStart();
    }

    public void Dispose() => _stop.Set();

    // A tenth of the shortest limit: fine enough to be kept, seldom enough to cost nothing.
    private static TimeSpan LookFor(ServerLimits limits)
    {
        TimeSpan shortest = new[] { limits.IdleTimeout, limits.FirstByteTimeout, limits.Lifetime, limits.WriteTimeout, limits.MinRate is null ? null : limits.MinRateWindow }
            .Min() ?? LongestLook;
        TimeSpan look = shortest / 10;
        return look < ShortestLook ? ShortestLook : look > LongestLook ? LongestLook : look;
    }

    private void Run()
    {
        while (!_stop.Wait(_look))
        {
            long now = Environment.TickCount64;
            _table.ForEachGated(Look, now);
            if (_metrics.CountsIo)
            {
                _table.ForEachOfLoops(static (connection, metrics) => metrics.ReportIo(connection), _metrics);
            }
        }
    }

    private void Look(GatedConnection connection, long now)
    {
        CloseReason reason = Exceeded(connection, now);
        if (reason != CloseReason.None)
        {
            connection.End(reason);
        }

        _metrics.ReportIo(connection);
    }

    private CloseReason Exceeded(GatedConnection connection, long now)
    {
        ref LimitState seen = ref connection.Limits;
        long age = now - connection.AcceptedAt;
        if (Passed(_limits.Lifetime, age))
        {
            return CloseReason.Lifetime;
        }

        if (connection.BytesReceived == 0 && Passed(_limits.FirstByteTimeout, age))
        {
            return CloseReason.FirstByteTimeout;
        }

        if (connection.Lingers)
        {
            return CloseReason.None;
        }

        int readTicket = connection.ReadTicket;
        if (readTicket != seen.ReadTicket)
        {
            (seen.ReadTicket, seen.ReadSince) = (readTicket, now);
        }
        else if ((readTicket & 1) != 0 && Passed(_limits.IdleTimeout, now - seen.ReadSince) && (connection.InUnit || !_limits.IdleInsideUnitsOnly))
        {
            return CloseReason.IdleTimeout;
        }

        bool flushes = (connection.FlushTicket & 1) != 0 || connection.HasOutbox;
        long sent = connection.BytesSent;
        if (!flushes || seen.FlushSince == 0 || connection.FlushTicket != seen.FlushTicket || sent != seen.FlushBytes)
        {
            (seen.FlushTicket, seen.FlushBytes, seen.FlushSince) = (connection.FlushTicket, sent, now);
        }
        else if (Passed(_limits.WriteTimeout, now - seen.FlushSince))
        {
            return CloseReason.WriteTimeout;
        }

        return _limits.MinRate is { } rate && TooSlow(connection, ref seen, now, rate, flushes) ? CloseReason.MinRate : CloseReason.None;
    }

    // Inside a started unit or a pending flush, each window must bring its share. Outside, nothing is owed.
    private bool TooSlow(GatedConnection connection, ref LimitState seen, long now, long rate, bool flushes)
    {
        bool owes = ((connection.ReadTicket & 1) != 0 && connection.PeerOwes) || flushes;
        long bytes = connection.BytesReceived + connection.BytesSent;
        if (!owes || !seen.Owes)
        {
            // A unit that the handler is busy with keeps its window; one that is complete ends it.
            if (!owes && connection.PeerOwes && seen.Owes)
            {
                return false;
            }

            (seen.Owes, seen.OwedSince, seen.OwedBytes) = (owes, now, bytes);
            return false;
        }

        double window = _limits.MinRateWindow.TotalMilliseconds;
        double elapsed = now - seen.OwedSince;
        if (elapsed < window)
        {
            return false;
        }

        bool slow = bytes - seen.OwedBytes < rate * elapsed / 1000;
        (seen.OwedSince, seen.OwedBytes) = (now, bytes);
        return slow;
    }

    private static bool Passed(TimeSpan? limit, long milliseconds) => limit is { } set && milliseconds >= set.TotalMilliseconds;
}
