namespace Sluice;

/// <summary>Options of listening sockets and of the sockets accepted from them.</summary>
public sealed class ListenOptions
{
    /// <summary>Connections the kernel queues before they are accepted; the kernel's somaxconn caps it. Defaults to 512.</summary>
    public int Backlog { get; set; } = 512;

    /// <summary>SO_REUSEADDR: bind while old connections of the port are in TIME_WAIT. Defaults to true.</summary>
    public bool ReuseAddress { get; set; } = true;

    /// <summary>SO_REUSEPORT: several sockets may bind one port, and the kernel spreads connections over them. Defaults to false.</summary>
    public bool ReusePort { get; set; }

    /// <summary>
    /// The mode of a Unix socket's file, whatever the umask. Whoever may write to the file may connect or send. An abstract name has no file, and a mode for it is
    /// refused (SLU0105). Defaults to null: what the umask leaves.
    /// </summary>
    public UnixFileMode? FileMode { get; set; }

    /// <summary>
    /// The users, by number, that a Unix socket serves, by the word of the kernel (SO_PEERCRED, SCM_CREDENTIALS); others are refused or dropped, root as well.
    /// Other transports do not tell of users: they serve whoever comes. Defaults to null: all.
    /// </summary>
    public IReadOnlySet<uint>? AllowedUsers { get; set; }

    /// <summary>
    /// Whether the connections of Unix sockets pass descriptors (<see cref="IDescriptorPassing"/>); without it, what a peer passes is dropped. Not under
    /// <c>io_uring</c> (SLU0323). Other transports have none to pass. Defaults to false.
    /// </summary>
    public bool PassDescriptors { get; set; }

    /// <summary>TCP_NODELAY: send small segments at once. Defaults to true.</summary>
    public bool NoDelay { get; set; } = true;

    /// <summary>Idle time before the first keep-alive probe, and between probes; null turns keep-alive off. Defaults to 15 s.</summary>
    public TimeSpan? KeepAlive { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Keep-alive probes without an answer before the connection is dead. Defaults to 3.</summary>
    public int KeepAliveProbes { get; set; } = 3;

    /// <summary>TCP_USER_TIMEOUT: how long sent data may stay unacknowledged; null leaves the kernel's default. Defaults to 30 s.</summary>
    public TimeSpan? UserTimeout { get; set; } = TimeSpan.FromSeconds(30);
}
