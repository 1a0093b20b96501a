using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Sluice.Native;

/// <summary>
/// A connected stream socket by its raw descriptor. One owner receives, sends and closes; any thread may <see cref="Shutdown"/> or
/// <see cref="Reset"/>, which is why these two and <see cref="Close"/> exclude each other: a number that was closed may already be another's.
/// A structure, so that a connection has one object less: it lives in one place and is never copied once it is used.
/// </summary>
internal unsafe struct StreamDescriptor
{
    private const int MSG_NOSIGNAL = 0x4000;
    private const int SOL_SOCKET = 1;
    private const int SO_LINGER = 13;
    private const int SO_PEERCRED = 17;
    private const int SO_RCVTIMEO = 20;
    private const int SO_SNDTIMEO = 21;
    private const int Closed = -1;

    // Shared by descriptors, so that each need not carry one: these calls are rare and short.
    private static readonly Lock[] Closings = [.. Enumerable.Range(0, 64).Select(_ => new Lock())];

    private volatile int _fd;
    private readonly PeerAddress _peer;

    internal StreamDescriptor(int fd, in RawSocketAddress peer)
    {
        _fd = fd;
        _peer = new PeerAddress(peer);
    }

    /// <summary>Takes over a connected descriptor of which the peer is not known yet; asks the kernel for it. getpeername(2).</summary>
    public static StreamDescriptor Adopt(int fd)
    {
        RawSocketAddress peer = default;
        int length = RawSocketAddress.Size;
        return Libc.getpeername(fd, (byte*)&peer, &length) < 0 ? new StreamDescriptor(fd, default) : new StreamDescriptor(fd, peer);
    }

    /// <summary>The raw number, for a loop that watches it; -1 once closed.</summary>
    public readonly int Number => _fd;

    public readonly bool IsClosed => _fd == Closed;

    // A descriptor that was closed meanwhile is noticed inside, whichever lock that is.
    private Lock Closing => Closings[_fd & (Closings.Length - 1)];

    /// <summary>The peer as accept(2) gave it; null for an unnamed Unix socket.</summary>
    public readonly EndPoint? Peer => _peer.ToEndPoint();

    /// <summary><see cref="PeerAddress.SourceKey"/> of the peer.</summary>
    public readonly ulong SourceKey => _peer.SourceKey;

    /// <summary>recv(2). With <paramref name="wait"/> it blocks (at most the receive timeout); otherwise MSG_DONTWAIT.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SocketResult Receive(Span<byte> buffer, bool wait)
    {
        if (!wait)
        {
            return SocketCalls.Receive(_fd, buffer);
        }

        fixed (byte* start = buffer)
        {
            nint count = Libc.recv(_fd, start, buffer.Length, 0);
            return count >= 0 ? SocketResult.Of((int)count) : SocketResult.Failed(Errno.Last);
        }
    }

    /// <summary>send(2), never raising SIGPIPE. May send less than asked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SocketResult Send(ReadOnlySpan<byte> buffer, bool wait)
    {
        if (!wait)
        {
            return SocketCalls.Send(_fd, buffer);
        }

        fixed (byte* start = buffer)
        {
            nint count = Libc.send(_fd, start, buffer.Length, MSG_NOSIGNAL);
            return count >= 0 ? SocketResult.Of((int)count) : SocketResult.Failed(Errno.Last);
        }
    }

    /// <summary>SO_RCVTIMEO: how long a receive that waits may block before it says WouldBlock. socket(7).</summary>
    public void SetReceiveTimeout(TimeSpan timeout) => SetTimeout(SO_RCVTIMEO, timeout);

    /// <summary>SO_SNDTIMEO: the same for a send; what was sent by then is counted.</summary>
    public void SetSendTimeout(TimeSpan timeout) => SetTimeout(SO_SNDTIMEO, timeout);

    /// <summary>shutdown(2). Wakes a receive or send that another thread is blocked in. Nothing happens once closed.</summary>
    public void Shutdown(SocketShutdown how)
    {
        lock (Closing)
        {
            if (_fd != Closed)
            {
                _ = Libc.shutdown(_fd, (int)how);
            }
        }
    }

    /// <summary>
    /// Ends the connection with a reset, now: SO_LINGER 0, and connect(2) to AF_UNSPEC, by which TCP sends its RST without giving the
    /// descriptor up (kernels 6.4 to 6.6 refuse that while a thread waits: then the RST goes out at close). Unix sockets have no reset;
    /// they are shut down.
    /// </summary>
    public void Reset()
    {
        lock (Closing)
        {
            if (_fd == Closed)
            {
                return;
            }

            long lingerZero = 1; // struct linger { on = 1, seconds = 0 }
            _ = Libc.setsockopt(_fd, SOL_SOCKET, SO_LINGER, &lingerZero, sizeof(long));
            byte* unspecified = stackalloc byte[16];
            new Span<byte>(unspecified, 16).Clear(); // sa_family = AF_UNSPEC (0)
            _ = Libc.connect(_fd, unspecified, 16);
            _ = Libc.shutdown(_fd, (int)SocketShutdown.Both);
        }
    }

    /// <summary>close(2). The owner calls it once; more calls do nothing.</summary>
    public void Close()
    {
        lock (Closing)
        {
            int fd = _fd;
            if (fd != Closed)
            {
                _fd = Closed;
                _ = Libc.attempt(Libc.Close, fd, 0, 0, 0, 0);
            }
        }
    }

    /// <summary>The address of our end, or null when the socket is gone.</summary>
    public EndPoint? LocalEndPoint()
    {
        RawSocketAddress address = default;
        lock (Closing)
        {
            int length = RawSocketAddress.Size;
            if (_fd == Closed || Libc.getsockname(_fd, (byte*)&address, &length) < 0)
            {
                return null;
            }
        }

        return new PeerAddress(address).ToEndPoint();
    }

    /// <summary>Who was at the other end of a Unix socket when it connected (SO_PEERCRED), or null.</summary>
    public PeerCredentials? PeerCredentials()
    {
        PeerCredentials credentials = default;
        int length = sizeof(PeerCredentials);
        lock (Closing)
        {
            return _fd != Closed && Libc.getsockopt(_fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 ? credentials : null;
        }
    }

    private void SetTimeout(int option, TimeSpan timeout)
    {
        long* value = stackalloc long[2]; // struct timeval
        value[0] = timeout.Ticks / TimeSpan.TicksPerSecond;
        value[1] = timeout.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond;
        _ = Libc.setsockopt(_fd, SOL_SOCKET, option, value, 2 * sizeof(long));
    }
}
