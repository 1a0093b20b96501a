using System.Net;
using Sluice.Transports;

namespace Sluice.Diagnostics;

/// <summary>A handler threw on a datagram. Nothing else ended.</summary>
/// <param name="Listener">Where it came.</param>
/// <param name="RemoteEndPoint">From whom; null for an unnamed Unix socket.</param>
/// <param name="Failure">What was thrown.</param>
public readonly record struct DatagramFailed(Listener Listener, EndPoint? RemoteEndPoint, Exception Failure);

/// <summary>A datagram was to be sent and the system did not take it. It is lost.</summary>
/// <param name="Listener">From where.</param>
/// <param name="RemoteEndPoint">To whom.</param>
/// <param name="Reason">Why.</param>
/// <param name="Detail">The error by its name, for a log.</param>
public readonly record struct DatagramNotSent(Listener Listener, EndPoint? RemoteEndPoint, NotSentReason Reason, string Detail);

/// <summary>Datagrams were lost before a handler could see them.</summary>
/// <param name="Listener">Where.</param>
/// <param name="Reason">Why.</param>
/// <param name="Count">How many, since the last time.</param>
public readonly record struct DatagramsDropped(Listener Listener, DropReason Reason, long Count);

/// <summary>Receiving from a datagram socket failed.</summary>
/// <param name="Listener">Where.</param>
/// <param name="Error">The error's name.</param>
/// <param name="Stops">Nothing more is received there.</param>
public readonly record struct ReceiveFailed(Listener Listener, string Error, bool Stops);

/// <summary>Why a datagram was not sent.</summary>
public enum NotSentReason
{
    /// <summary>Nobody is bound to the address, or nobody any more.</summary>
    NoSuchPeer,

    /// <summary>The peer did not read within <see cref="DatagramOptions.SendTimeout"/>, or the system had no room.</summary>
    NoRoom,

    /// <summary>The datagram is longer than the way there allows.</summary>
    TooLong,

    /// <summary>This user may not send there, or a firewall does not let it.</summary>
    NotPermitted,

    /// <summary>There is no way to the address at the moment.</summary>
    Unreachable,

    /// <summary>Another error; <see cref="DatagramNotSent.Detail"/> names it.</summary>
    Other,
}

/// <summary>Why datagrams were dropped.</summary>
public enum DropReason
{
    /// <summary>SLU0311: the kernel's buffer was full (SO_RXQ_OVFL).</summary>
    KernelBuffer,

    /// <summary>The sender's user is not among those allowed (<see cref="ListenOptions.AllowedUsers"/>).</summary>
    UserNotAllowed,

    /// <summary>There was no thread, queue place or worker for it.</summary>
    NoCapacity,

    /// <summary>It waited for a thread when the server stopped.</summary>
    Draining,
}
