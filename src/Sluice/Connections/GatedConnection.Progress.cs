using System.Runtime.CompilerServices;

namespace Sluice.Connections;

/// <summary>
/// What the limits need to know, kept without a clock: the connection counts, and <see cref="Accepting.LimitSweep"/> compares now and then.
/// A ticket is odd while something waits; one that has not changed since the last look has waited all the while.
/// </summary>
internal abstract partial class GatedConnection
{
    // Written by the handler's thread only; read by the sweep's.
    private int _readTicket;
    private int _flushTicket;

    internal int ReadTicket => Volatile.Read(ref _readTicket);

    internal int FlushTicket => Volatile.Read(ref _flushTicket);

    /// <summary>Whether the peer owes bytes: a frame is partly received, or the handler has begun a unit.</summary>
    internal bool PeerOwes => InUnit || HasUnread;

    /// <summary>Whether the handler waits in a read with no work in flight.</summary>
    internal sealed override bool WaitsIdle => (ReadTicket & 1) != 0 && !HasUnread && !InUnit;

    /// <summary>What the sweep remembers of this connection from one look to the next.</summary>
    internal LimitState Limits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ReadWaits() => Volatile.Write(ref _readTicket, _readTicket + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ReadWaited() => Volatile.Write(ref _readTicket, _readTicket + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void FlushWaits() => Volatile.Write(ref _flushTicket, _flushTicket + 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void FlushWaited() => Volatile.Write(ref _flushTicket, _flushTicket + 1);
}
