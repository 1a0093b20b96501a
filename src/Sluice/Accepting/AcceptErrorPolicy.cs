using Sluice.Transports;

namespace Sluice.Accepting;

/// <summary>What to do about an accept error.</summary>
internal enum AcceptReaction
{
    /// <summary>It concerned one connection that is gone: accept again at once.</summary>
    Retry,

    /// <summary>Something ran out: accept again after a while, which doubles as long as it lasts.</summary>
    BackOff,

    /// <summary>The listener is closed.</summary>
    Stop,
}

/// <summary>
/// The one table of accept(2)'s errors. Its page says of the network errors already pending on the new socket: "Linux accept() passes already-
/// pending network errors on the new socket as an error code from accept(). […] a reliable application should […] treat them like EAGAIN by
/// retrying". What is not named backs off: a spin would burn a core, and giving up would be deaf.
/// </summary>
internal static class AcceptErrorPolicy
{
    public static AcceptReaction For(AcceptError error) => error switch
    {
        AcceptError.WouldBlock => AcceptReaction.Retry,            // EAGAIN: another thread or process took it
        AcceptError.Interrupted => AcceptReaction.Retry,           // EINTR
        AcceptError.ConnectionAborted => AcceptReaction.Retry,     // ECONNABORTED: the peer left the queue
        AcceptError.Protocol => AcceptReaction.Retry,              // EPROTO
        AcceptError.PendingNetworkError => AcceptReaction.Retry,   // ENETDOWN, EHOSTUNREACH, … "treat them like EAGAIN"
        AcceptError.NotPermitted => AcceptReaction.Retry,          // EPERM: "Firewall rules forbid connection"
        AcceptError.ProcessDescriptorLimit => AcceptReaction.BackOff, // EMFILE
        AcceptError.SystemDescriptorLimit => AcceptReaction.BackOff,  // ENFILE
        AcceptError.NoBufferSpace => AcceptReaction.BackOff,       // ENOBUFS: "limited by the socket buffer limits, not by the system memory"
        AcceptError.NoMemory => AcceptReaction.BackOff,            // ENOMEM
        AcceptError.ListenerClosed => AcceptReaction.Stop,         // EBADF, EINVAL after our own close
        AcceptError.NotAListener => AcceptReaction.Stop,           // ENOTSOCK, EFAULT: cannot get better
        _ => AcceptReaction.BackOff,
    };
}
