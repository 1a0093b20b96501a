namespace Sluice.Sessions;

/// <summary>What became of a datagram that came for a session.</summary>
internal enum Receipt
{
    /// <summary>It is unread; nobody waits for it.</summary>
    Kept,

    /// <summary>The handler waits for it: the caller resumes it (<see cref="DatagramSession.GoOn"/>).</summary>
    Awaited,

    /// <summary>There was no room, or the handler reads no more.</summary>
    Dropped,

    /// <summary>There was no room, and the handler waits for more with everything examined: it cannot go on.</summary>
    UnreadLimit,

    /// <summary>The session has ended.</summary>
    Ended,
}
