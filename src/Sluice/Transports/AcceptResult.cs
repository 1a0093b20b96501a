namespace Sluice.Transports;

/// <summary>What accept(2) can say, by name. The policy for each is in <c>Accepting/AcceptErrorPolicy</c>.</summary>
public enum AcceptError
{
    /// <summary>A connection was accepted.</summary>
    None,

    /// <summary>Nobody is waiting (EAGAIN).</summary>
    WouldBlock,

    /// <summary>A signal came first (EINTR).</summary>
    Interrupted,

    /// <summary>The peer left while it was queued (ECONNABORTED).</summary>
    ConnectionAborted,

    /// <summary>A protocol error of the new socket (EPROTO).</summary>
    Protocol,

    /// <summary>An error already pending on the new socket: ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH, ETIMEDOUT.</summary>
    PendingNetworkError,

    /// <summary>A firewall rule forbids the connection (EPERM).</summary>
    NotPermitted,

    /// <summary>This process has no descriptor left (EMFILE).</summary>
    ProcessDescriptorLimit,

    /// <summary>The system has no descriptor left (ENFILE).</summary>
    SystemDescriptorLimit,

    /// <summary>No socket buffers (ENOBUFS).</summary>
    NoBufferSpace,

    /// <summary>No memory (ENOMEM).</summary>
    NoMemory,

    /// <summary>The listener was closed (EBADF, or EINVAL after shutdown).</summary>
    ListenerClosed,

    /// <summary>The descriptor is not a listening stream socket (ENOTSOCK, EFAULT): a defect of ours.</summary>
    NotAListener,

    /// <summary>An error without a name here.</summary>
    Other,
}

/// <summary>One accept(2): a connection, or a named error.</summary>
internal readonly struct AcceptResult
{
    private AcceptResult(StreamSocket? socket, AcceptError error) => (Socket, Error) = (socket, error);

    /// <summary>The connection; null unless <see cref="Error"/> is <see cref="AcceptError.None"/>.</summary>
    public StreamSocket? Socket { get; }

    public AcceptError Error { get; }

    public static AcceptResult Accepted(StreamSocket socket) => new(socket, AcceptError.None);

    public static AcceptResult Failed(AcceptError error) => new(null, error);
}
