namespace Sluice;

/// <summary>What happens to a connection that comes when the server is full.</summary>
public enum OnLimit
{
    /// <summary>It stays in the kernel's accept queue until a place is free.</summary>
    Wait,

    /// <summary>It is accepted and closed at once, and counted.</summary>
    Refuse,
}

/// <summary>The limits of a server. They mean the same in every model; see <c>docs/design.md</c>.</summary>
public sealed class ServerLimits
{
    /// <summary>
    /// Connections served at once, over all listeners: a hard maximum. Defaults to null: what RLIMIT_NOFILE leaves after 64 spare
    /// descriptors and those open at start (thread: at most 10,000). A larger number than fits is lowered at start, and said.
    /// </summary>
    public int? MaxConnections { get; set; }

    /// <summary>Connections at once from one source: an IPv4 address, an IPv6 /64, or a local user on Unix sockets. Always refuses. Defaults to null (off).</summary>
    public int? MaxConnectionsPerSource { get; set; }

    /// <summary>What happens above <see cref="MaxConnections"/>, and when the queue of <c>threadpool</c> is full. Defaults to <see cref="OnLimit.Wait"/>.</summary>
    public OnLimit OnLimit { get; set; }

    /// <summary>The longest that one read may wait. The clock runs only while a read waits. Defaults to null (off).</summary>
    public TimeSpan? IdleTimeout { get; set; }

    /// <summary>
    /// Whether <see cref="IdleTimeout"/> counts only inside a unit (<see cref="IConnectionUnit"/>): a sender of files may take its time between
    /// two of them. Defaults to false.
    /// </summary>
    public bool IdleInsideUnitsOnly { get; set; }

    /// <summary>The time from accept to the first byte received. Defaults to null (off).</summary>
    public TimeSpan? FirstByteTimeout { get; set; }

    /// <summary>The longest life of a connection. Defaults to null (off).</summary>
    public TimeSpan? Lifetime { get; set; }

    /// <summary>Bytes per second that a peer must keep up inside a started unit or a pending flush. Defaults to null (off).</summary>
    public long? MinRate { get; set; }

    /// <summary>The window over which <see cref="MinRate"/> is measured, so also the grace before it counts. Defaults to 10 s.</summary>
    public TimeSpan MinRateWindow { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest that a pending flush may make no progress. Null is off. Defaults to 60 s.</summary>
    public TimeSpan? WriteTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Bytes a handler may leave unread (examined, not consumed) before the connection ends with SLU0201. Defaults to 1 MiB.</summary>
    public int MaxUnread { get; set; } = 1024 * 1024;

    /// <summary>Bytes that <see cref="IConnectionSender.TrySend"/> may queue on one connection. Defaults to 1 MiB.</summary>
    public int MaxSendQueue { get; set; } = 1024 * 1024;
}
