namespace Sluice;

/// <summary>How reads of a connection run in the blocking models.</summary>
public enum BlockingReads
{
    /// <summary>A read blocks the connection's thread and is complete when it returns: the handler runs straight through.</summary>
    Inline,

    /// <summary>A read returns pending and the connection's thread does the I/O once the handler has suspended: for handlers that read and write at once.</summary>
    Deferred,
}

/// <summary>Everything a server can be told. Validated once, when the server is built.</summary>
public sealed class SocketServerOptions
{
    /// <summary>The URLs to listen on: <c>tcp://HOST:PORT</c>, <c>unix:///PATH</c>, <c>memory://NAME</c>. Port 0 is any free port. Required.</summary>
    public IList<string> Listen { get; } = [];

    /// <summary>The concurrency model's name, one of <c>sluice models</c>. Defaults to <c>auto</c>.</summary>
    public string Model { get; set; } = "auto";

    /// <summary>The server's name, by which worker processes know theirs. Defaults to its addresses; a program with two servers on the same ones names them.</summary>
    public string? Name { get; set; }

    /// <summary>Options of <c>process</c> and <c>prefork</c>.</summary>
    public WorkerOptions Workers { get; } = new();

    /// <summary>The limits.</summary>
    public ServerLimits Limits { get; } = new();

    /// <summary>Options of datagram listeners.</summary>
    public DatagramOptions Datagrams { get; } = new();

    /// <summary>Options of the listening and the accepted sockets.</summary>
    public ListenOptions Sockets { get; } = new();

    /// <summary>Threads of <c>threadpool</c>. Defaults to 4 per core, at least 16.</summary>
    public int? Threads { get; set; }

    /// <summary>Accepted connections that wait for a thread of <c>threadpool</c>. Defaults to 1,024.</summary>
    public int Queue { get; set; } = 1024;

    /// <summary>Event loops of <c>select</c>, <c>poll</c>, <c>epoll</c> and <c>io_uring</c>, each a thread. Defaults to one per core.</summary>
    public int? Loops { get; set; }

    /// <summary>The longest that a loop waits for events before its turn ends with nothing ready. Defaults to null: until something happens.</summary>
    public TimeSpan? LoopMaxWait { get; set; }

    /// <summary>How long one turn of a handler may keep a loop before it is reported; null is off. Defaults to 100 ms.</summary>
    public TimeSpan? LoopBlockedAfter { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Stack of each connection's thread in bytes; 0 is the runtime's default. Defaults to 0.</summary>
    public int ThreadStackSize { get; set; }

    /// <summary>
    /// Whether stopping does not wait for the threads of connections (socketserver's <c>daemon_threads</c>). Defaults to false: it waits, to
    /// the drain's deadline.
    /// </summary>
    public bool IndependentThreads { get; set; }

    /// <summary>How reads run in blocking models. Defaults to <see cref="BlockingReads.Inline"/>.</summary>
    public BlockingReads BlockingReads { get; set; }

    /// <summary>How long stopping waits for connections to end by themselves. Defaults to 10 s.</summary>
    public TimeSpan Drain { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the end of a handler lingers, so that a last reply is not lost to a reset. Defaults to 1 s.</summary>
    public TimeSpan Linger { get; set; } = TimeSpan.FromSeconds(1);

    internal string NameOrAddresses => Name ?? string.Join(' ', Listen);
}
