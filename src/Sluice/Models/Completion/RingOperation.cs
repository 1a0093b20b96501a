namespace Sluice.Models.Completion;

/// <summary>What was asked of the ring. It is the top byte of an operation's token; below are, unless said otherwise, the generation and the slot of its connection.</summary>
internal enum RingOperation : byte
{
    /// <summary>None of ours.</summary>
    None,

    /// <summary>The loop's eventfd(2) was written to.</summary>
    WakeUp,

    /// <summary>A listener accepts; the rest of the token is its index.</summary>
    Accept,

    /// <summary>An accept is cancelled; the rest of the token is the listener's index.</summary>
    CancelAccept,

    /// <summary>A connection receives.</summary>
    Receive,

    /// <summary>A send that does not wait. The rest of the token is its connection's slot and what it sends (<see cref="RingToken.OfSend"/>).</summary>
    SendNow,

    /// <summary>A send of what was left, which waits until the peer takes it.</summary>
    SendRest,

    /// <summary>A connection that does not receive at the moment waits for its end.</summary>
    HangUp,

    /// <summary>Something of a connection is cancelled.</summary>
    Cancel,

    /// <summary>A datagram socket becomes readable; the rest of the token is its index.</summary>
    Datagrams,

    /// <summary>That is cancelled; the rest of the token is its index.</summary>
    CancelDatagrams,
}

/// <summary>Tokens of operations.</summary>
internal static class RingToken
{
    private const int OperationShift = 56;
    private const int CountShift = 32;
    private const ulong Rest = (1UL << OperationShift) - 1;

    public static ulong Of(RingOperation operation, ulong rest) => (ulong)operation << OperationShift | rest;

    /// <summary>
    /// Of a <see cref="RingOperation.SendNow"/>: what its completion has to say to be of no interest stands in the token, so that the connection need not be looked at.
    /// The slot is not used again before it has completed.
    /// </summary>
    /// <param name="slot">The connection's.</param>
    /// <param name="count">Bytes to send: 1 to 65,536.</param>
    public static ulong OfSend(int slot, int count) => Of(RingOperation.SendNow, (ulong)(uint)(count - 1) << CountShift | (uint)slot);

    public static int SlotOf(ulong token) => (int)(uint)token;

    /// <summary>Bytes that a <see cref="RingOperation.SendNow"/> was to send.</summary>
    public static int CountOf(ulong token) => (ushort)(token >> CountShift) + 1;

    public static RingOperation OperationOf(ulong token) => (RingOperation)(token >> OperationShift);

    /// <summary>What follows the operation: a connection's token, or what the operation says.</summary>
    public static ulong RestOf(ulong token) => token & Rest;
}
