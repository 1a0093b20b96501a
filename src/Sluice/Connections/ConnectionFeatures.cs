namespace Sluice;

/// <summary>Why a connection ended.</summary>
public enum CloseReason
{
    /// <summary>It has not ended.</summary>
    None,

    /// <summary>The handler returned, or the peer closed and the handler followed.</summary>
    Completed,

    /// <summary>The peer reset it, or the network gave it up.</summary>
    PeerReset,

    /// <summary>Our side called Abort.</summary>
    Aborted,

    /// <summary>The handler threw.</summary>
    HandlerFailed,

    /// <summary>SLU0201: the unread buffer reached its limit.</summary>
    UnreadLimit,

    /// <summary>SLU0202: a read waited too long.</summary>
    IdleTimeout,

    /// <summary>SLU0203: no first byte in time.</summary>
    FirstByteTimeout,

    /// <summary>SLU0204: it reached its lifetime.</summary>
    Lifetime,

    /// <summary>SLU0205: the peer was too slow.</summary>
    MinRate,

    /// <summary>SLU0206: a flush made no progress.</summary>
    WriteTimeout,

    /// <summary>The server drained and the connection had nothing left to do.</summary>
    Drained,

    /// <summary>SLU0207: the drain's deadline cut it.</summary>
    DrainCut,

    /// <summary>SLU0307: the worker process that served it ended without a word.</summary>
    WorkerDied,

    /// <summary>SLU0213: the peer passed more descriptors than may wait.</summary>
    DescriptorLimit,
}

/// <summary>A feature of every connection: why it ended, once it has.</summary>
public interface IConnectionCloseReason
{
    /// <summary>The first reason that ended the connection; <see cref="CloseReason.None"/> while it lives.</summary>
    CloseReason CloseReason { get; }
}

/// <summary>
/// A feature of every connection: sending from elsewhere. A PipeWriter belongs to its handler; any other thread pushes through here.
/// </summary>
public interface IConnectionSender
{
    /// <summary>
    /// Queues a copy of <paramref name="message"/> to be sent whole, between two flushes of the handler. Never waits; safe from any thread.
    /// </summary>
    /// <returns>False when the queue is full (<see cref="ServerLimits.MaxSendQueue"/>) or the connection has ended: nothing was queued.</returns>
    bool TrySend(ReadOnlySpan<byte> message);
}

/// <summary>
/// A feature of every connection: a handler that consumes bytes as they come (a file, a long frame) says where a unit begins and ends.
/// Inside a unit the minimum rate counts, and a drain lets the connection go on to its deadline.
/// </summary>
public interface IConnectionUnit
{
    /// <summary>A unit has begun. Called by the handler.</summary>
    void BeginUnit();

    /// <summary>The unit is complete. Called by the handler.</summary>
    void EndUnit();
}
