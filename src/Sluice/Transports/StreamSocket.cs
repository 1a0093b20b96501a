using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>
/// One connected byte stream, as a transport hands it to a model. Its owner receives, sends and closes; <see cref="Shutdown"/> and
/// <see cref="Reset"/> may come from any thread and wake the owner.
/// </summary>
internal abstract class StreamSocket
{
    /// <summary>The descriptor's number for a loop; -1 when the stream has none.</summary>
    public abstract int Descriptor { get; }

    public abstract EndPoint? LocalEndPoint { get; }

    public abstract EndPoint? RemoteEndPoint { get; }

    /// <summary>Equal for connections of one source (an address, an IPv6 /64, a local user); 0 when there is none to tell.</summary>
    public abstract ulong SourceKey { get; }

    /// <summary>Who was at the other end when it connected; null where the transport cannot tell.</summary>
    public virtual PeerCredentials? PeerCredentials => null;

    /// <summary>Receives into <paramref name="buffer"/>; 0 bytes is the peer's FIN. With <paramref name="wait"/> it blocks.</summary>
    public abstract SocketResult Receive(Span<byte> buffer, bool wait);

    /// <summary>Sends from <paramref name="buffer"/>, perhaps not all. With <paramref name="wait"/> it blocks.</summary>
    public abstract SocketResult Send(ReadOnlySpan<byte> buffer, bool wait);

    /// <summary>The same with a copy of <paramref name="descriptor"/> beside the first byte. Only a <see cref="PassingStreamSocket"/> can.</summary>
    public virtual SocketResult SendWith(SafeHandle descriptor, ReadOnlySpan<byte> buffer, bool wait) => throw new NotSupportedException();

    /// <summary>How long a receive that waits may block before it says WouldBlock. Without it, for ever.</summary>
    public abstract void SetReceiveTimeout(TimeSpan timeout);

    /// <summary>How long a send that waits may block before it says WouldBlock, or how much it has sent. Without it, for ever.</summary>
    public abstract void SetSendTimeout(TimeSpan timeout);

    /// <summary>
    /// Makes a receive that waits on <paramref name="thread"/> (<see cref="ThreadInterrupt.CurrentThread"/>) return Interrupted, if it waits at
    /// this very moment: whoever wants it out repeats this until it is.
    /// </summary>
    public abstract void InterruptReceive(int thread);

    /// <summary>Ends one or both directions: FIN to the peer, end of the stream to our reader.</summary>
    public abstract void Shutdown(SocketShutdown how);

    /// <summary>Ends the connection with a reset, where the transport has one.</summary>
    public abstract void Reset();

    /// <summary>Gives the socket up. The owner calls it, when no call of its own is under way.</summary>
    public abstract void Close();

    /// <summary>
    /// From now on every readiness edge is told to <paramref name="observer"/>, the present state included. Once per socket. False when the
    /// system cannot watch one more.
    /// </summary>
    public abstract bool TryWatch(IReadinessObserver observer, out ulong watch);

    /// <summary>Ends what <see cref="TryWatch"/> began, before the socket is closed. Edges under way may still arrive.</summary>
    public abstract void Unwatch(ulong watch);
}

/// <summary>Who is told that a socket became ready.</summary>
internal interface IReadinessObserver
{
    /// <summary>Called on the thread that saw the edge, which serves others too: must not block and must not run a handler.</summary>
    void OnReadiness(Readiness readiness);
}
