using System.Runtime.CompilerServices;

namespace Sluice.Connections;

/// <summary>
/// What the limits need to know, kept without a clock: the connection counts, and <see cref="Accepting.LimitSweep"/> compares now and then.
/// A ticket is odd while something waits; one that has not changed since the last look has waited all the while.
/// </summary>
internal abstract partial class StreamConnection
{
    // Written by the handler's thread only; read by the sweep's.
    private int _readTicket;
    private int _flushTicket;
    private long _received;
    private long _sent;
    private int _units;

    public long BytesReceived => Volatile.Read(ref _received);

    public long BytesSent => Volatile.Read(ref _sent);

    internal int ReadTicket => Volatile.Read(ref _readTicket);

    internal int FlushTicket => Volatile.Read(ref _flushTicket);

    /// <summary>Whether the handler has ended and only the peer's FIN is waited for, which has its own deadline: no limit of reading counts.</summary>
    internal bool Lingers { get; private protected set; }

    /// <summary>Whether the handler has said that a unit has begun and not ended.</summary>
    internal bool InUnit => Volatile.Read(ref _units) > 0;

    /// <summary>Whether the peer owes bytes: a frame is partly received, or the handler has begun a unit.</summary>
    internal bool PeerOwes => InUnit || HasUnread;

    /// <summary>Whether the handler waits in a read with no work in flight.</summary>
    internal bool WaitsIdle => (ReadTicket & 1) != 0 && !HasUnread && !InUnit;

    /// <summary>The bytes that the metrics have been told of. Only <see cref="Diagnostics.ServerMetrics"/> touches them, under its lock.</summary>
    internal (long Received, long Sent) Reported;

    /// <summary>What the sweep remembers of this connection from one look to the next.</summary>
    internal LimitState Limits;

    void IConnectionUnit.BeginUnit() => Interlocked.Increment(ref _units);

    void IConnectionUnit.EndUnit() => Interlocked.Decrement(ref _units);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ReadWaits() => Volatile.Write(ref _readTicket, _readTicket + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ReadWaited() => Volatile.Write(ref _readTicket, _readTicket + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountReceived(int count) => _received += count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void FlushWaits() => Volatile.Write(ref _flushTicket, _flushTicket + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void FlushWaited() => Volatile.Write(ref _flushTicket, _flushTicket + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountSent(int count) => _sent += count;
}
