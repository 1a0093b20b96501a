using Sluice.Transports;

namespace Sluice.Accepting;

/// <summary>Why a connection was refused. Each has a counter.</summary>
public enum RefuseReason
{
    /// <summary>The server serves <see cref="ServerLimits.MaxConnections"/> already.</summary>
    MaxConnections,

    /// <summary>The source has <see cref="ServerLimits.MaxConnectionsPerSource"/> already.</summary>
    MaxConnectionsPerSource,

    /// <summary>The queue of <c>threadpool</c> is full.</summary>
    QueueFull,

    /// <summary>The server drains.</summary>
    Draining,

    /// <summary>No thread could be started for it.</summary>
    NoThread,

    /// <summary>The system could not watch it (epoll_ctl(2): no memory, or max_user_watches).</summary>
    NoWatch,

    /// <summary>No worker process could be had for it.</summary>
    NoWorker,

    /// <summary>The user at the other end of a Unix socket is not one of <see cref="ListenOptions.AllowedUsers"/>.</summary>
    UserNotAllowed,
}

internal enum AcceptAction
{
    /// <summary>Accept again.</summary>
    Again,

    /// <summary>Dispatch the connection; it holds a place of the gate.</summary>
    HandOver,

    /// <summary>Close the connection; it holds no place.</summary>
    Refuse,

    /// <summary>Accept again after <see cref="AcceptDecision.Delay"/>.</summary>
    RetryAfter,

    /// <summary>Accept no more on this listener.</summary>
    Stop,
}

/// <summary>What an accepting thread, loop or ring does next.</summary>
internal readonly struct AcceptDecision
{
    public AcceptAction Action { get; private init; }

    public StreamSocket? Connection { get; private init; }

    public RefuseReason Reason { get; private init; }

    public TimeSpan Delay { get; private init; }

    public static AcceptDecision Again => default;

    public static AcceptDecision Stop => new() { Action = AcceptAction.Stop };

    public static AcceptDecision HandOver(StreamSocket connection) => new() { Action = AcceptAction.HandOver, Connection = connection };

    public static AcceptDecision Refuse(StreamSocket connection, RefuseReason reason) =>
        new() { Action = AcceptAction.Refuse, Connection = connection, Reason = reason };

    public static AcceptDecision RetryAfter(TimeSpan delay) => new() { Action = AcceptAction.RetryAfter, Delay = delay };
}
