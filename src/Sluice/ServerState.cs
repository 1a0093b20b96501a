namespace Sluice;

/// <summary>The life of a server, in order. A server never goes back.</summary>
public enum ServerState
{
    /// <summary>Built and checked; nothing is bound.</summary>
    Created,

    /// <summary>Bound: the kernel queues connections. Accepting, unless only HandleOneAsync is used.</summary>
    Listening,

    /// <summary>No longer accepting; connections end by themselves until the drain's deadline.</summary>
    Draining,

    /// <summary>Every connection has ended and every descriptor is closed.</summary>
    Stopped,
}
