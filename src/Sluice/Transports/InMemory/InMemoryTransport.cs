namespace Sluice.Transports.InMemory;

/// <summary>
/// <c>memory://NAME</c>: connections inside one process, for tests: no ports, no kernel, and accept errors by script. Models that watch
/// descriptors refuse it (SLU0103).
/// </summary>
public sealed class InMemoryTransport : Transport
{
    private readonly Dictionary<string, InMemoryListener> _listeners = new(StringComparer.Ordinal);

    private InMemoryTransport()
    {
    }

    /// <summary>The process's in-memory network.</summary>
    public static InMemoryTransport Shared { get; } = new();

    /// <inheritdoc/>
    public override string Scheme => "memory";

    /// <inheritdoc/>
    public override TransportKind Kind => TransportKind.Stream;

    /// <inheritdoc/>
    public override bool HasDescriptor => false;

    /// <summary>Makes the next accepts of the listener <paramref name="name"/> fail with <paramref name="errors"/>, in order, before any connection is accepted.</summary>
    public void ScriptAccepts(string name, params AcceptError[] errors) => Listening(name).Script(errors);

    /// <summary>How many scripted errors of the listener <paramref name="name"/> have not been seen yet.</summary>
    public int ScriptLeft(string name) => Listening(name).ScriptLeft;

    internal void Forget(InMemoryListener listener)
    {
        lock (_listeners)
        {
            _listeners.Remove(listener.Url.Host);
        }
    }

    internal override ValueTask<StreamSocket> ConnectAsync(SocketAddressUrl url, SocketClientOptions options, CancellationToken cancellation)
    {
        InMemoryListener? listener;
        lock (_listeners)
        {
            _listeners.TryGetValue(url.Host, out listener);
        }

        StreamSocket? socket = listener?.TryConnect();
        return socket is not null
            ? new(socket)
            : throw new SluiceException(ErrorIds.CannotConnect, $"cannot connect to {url}: {(listener is null ? "nobody listens there" : "its queue is full")}; start the server first");
    }

    private protected override Listener BindCore(SocketAddressUrl url, ListenOptions options)
    {
        lock (_listeners)
        {
            var listener = new InMemoryListener(url, options.Backlog, this);
            return _listeners.TryAdd(url.Host, listener)
                ? listener
                : throw new SluiceException(ErrorIds.AddressInUse, $"cannot listen on {url}: another server of this process listens there; choose another name");
        }
    }

    private InMemoryListener Listening(string name)
    {
        lock (_listeners)
        {
            return _listeners.TryGetValue(name, out InMemoryListener? listener)
                ? listener
                : throw new ArgumentException($"Nobody listens on memory://{name}.", nameof(name));
        }
    }
}
