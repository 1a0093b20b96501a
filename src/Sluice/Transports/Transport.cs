namespace Sluice.Transports;

/// <summary>What to bind and what to connect to. A transport knows no model.</summary>
public abstract class Transport
{
    private protected Transport()
    {
    }

    /// <summary>The URL scheme, in lower case: <c>tcp</c>.</summary>
    public abstract string Scheme { get; }

    /// <summary>What it carries.</summary>
    public abstract TransportKind Kind { get; }

    /// <summary>What an address of it carries, where that depends on the socket; null when it is not known before it is bound.</summary>
    internal virtual TransportKind? KindOf(SocketAddressUrl url) => Kind;

    /// <summary>Whether its sockets are descriptors of the operating system, which loop models can watch.</summary>
    public abstract bool HasDescriptor { get; }

    /// <summary>Whether a connection's socket itself is the stream, so that it can be another process's.</summary>
    internal virtual bool CanHandOver => HasDescriptor && Kind == TransportKind.Stream;

    /// <summary>Whether its sockets are always somebody else's: the end of a server is never theirs.</summary>
    internal virtual bool IsForeign => false;

    /// <summary>Binds and listens. Throws a <see cref="SluiceException"/> that says what to do.</summary>
    public Listener Bind(SocketAddressUrl url, ListenOptions options)
    {
        ArgumentNullException.ThrowIfNull(url);
        ArgumentNullException.ThrowIfNull(options);
        return BindCore(url, options);
    }

    /// <summary>
    /// Binds every socket that the address means: one, but for the sockets that somebody has passed under a name, and where so many as
    /// <paramref name="sockets"/> can have one address, for that many who receive.
    /// </summary>
    internal virtual IReadOnlyList<Listener> BindAll(SocketAddressUrl url, ListenOptions options, int sockets) => [Bind(url, options)];

    /// <summary>Takes a socket over that listens already: another process has bound it and may go on with it, so that it is shared (<see cref="Listener.Share"/>).</summary>
    internal virtual Listener Adopt(SocketAddressUrl url, int descriptor) => throw new NotSupportedException($"{Scheme} has no descriptors");

    /// <summary>Checks an address without touching the system, so that a server is refused when it is built.</summary>
    internal virtual void Check(SocketAddressUrl url)
    {
    }

    /// <summary>Connects as a client; to what carries datagrams nobody does.</summary>
    internal virtual ValueTask<StreamSocket> ConnectAsync(SocketAddressUrl url, SocketClientOptions options, CancellationToken cancellation) =>
        throw new SluiceException(ErrorIds.KindNotServed, $"cannot connect a stream to {url}: it carries datagrams; use a datagram socket of .NET, or sluice connect");

    private protected abstract Listener BindCore(SocketAddressUrl url, ListenOptions options);
}
