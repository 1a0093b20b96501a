namespace Sluice.Native;

/// <summary>The options by which a datagram socket says more of a datagram than its bytes. socket(7), ip(7), ipv6(7), udp(7), unix(7).</summary>
internal static unsafe class DatagramSocketOptions
{
    private const int SOL_IP = 0, SOL_SOCKET = 1, SOL_UDP = 17, SOL_IPV6 = 41;
    private const int SO_SNDBUF = 7, SO_RCVBUF = 8, SO_REUSEPORT = 15, SO_PASSCRED = 16, SO_SNDTIMEO = 21, SO_TIMESTAMPNS = 35, SO_RXQ_OVFL = 40, SO_MEMINFO = 55;
    private const int MeminfoCount = 9, MeminfoDrops = 8; // SK_MEMINFO_VARS, SK_MEMINFO_DROPS
    private const int IP_PKTINFO = 8, IPV6_RECVPKTINFO = 49, UDP_SEGMENT = 103, UDP_GRO = 104;

    /// <summary>Has the kernel note when each was received.</summary>
    public static void TellTime(int descriptor) => Set(descriptor, SOL_SOCKET, SO_TIMESTAMPNS, 1);

    /// <summary>Has the kernel tell how many it has dropped.</summary>
    public static void TellDropped(int descriptor) => Set(descriptor, SOL_SOCKET, SO_RXQ_OVFL, 1);

    /// <summary>How many it has dropped since the socket was made, whoever had it: SO_MEMINFO.</summary>
    public static uint DroppedSoFar(int descriptor)
    {
        uint* info = stackalloc uint[MeminfoCount];
        int length = MeminfoCount * sizeof(uint);
        return Libc.getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, info, &length) == 0 && length == MeminfoCount * sizeof(uint) ? info[MeminfoDrops] : 0;
    }

    /// <summary>Has the kernel tell who sent each, on a Unix socket.</summary>
    public static void TellCredentials(int descriptor) => Set(descriptor, SOL_SOCKET, SO_PASSCRED, 1);

    /// <summary>Has the kernel tell to which address each was sent.</summary>
    public static void TellLocalAddress(int descriptor, bool isSix) =>
        _ = isSix ? Set(descriptor, SOL_IPV6, IPV6_RECVPKTINFO, 1) : Set(descriptor, SOL_IP, IP_PKTINFO, 1);

    /// <summary>Whether the kernel may hand over several datagrams of one sender as one.</summary>
    public static void ReceiveTogether(int descriptor, bool together) => Set(descriptor, SOL_UDP, UDP_GRO, together ? 1 : 0);

    /// <summary>Whether the kernel takes several datagrams as one.</summary>
    public static bool CanSendTogether(int descriptor)
    {
        int value = 0, length = sizeof(int);
        return Libc.getsockopt(descriptor, SOL_UDP, UDP_SEGMENT, &value, &length) == 0;
    }

    /// <summary>Lets other sockets of this user be bound to the same address.</summary>
    public static void ShareAddress(int descriptor) => Set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);

    /// <summary>Room for what waits to be received and sent, in bytes; null leaves the kernel's own. The kernel doubles it for its own needs, and caps it.</summary>
    public static void SetBuffers(int descriptor, int? receive, int? send)
    {
        if (receive is { } forReceive)
        {
            Set(descriptor, SOL_SOCKET, SO_RCVBUF, forReceive);
        }

        if (send is { } forSend)
        {
            Set(descriptor, SOL_SOCKET, SO_SNDBUF, forSend);
        }
    }

    /// <summary>How long a send that waits may wait.</summary>
    public static void SetSendTimeout(int descriptor, TimeSpan timeout)
    {
        long* value = stackalloc long[2]; // struct timeval
        value[0] = timeout.Ticks / TimeSpan.TicksPerSecond;
        value[1] = timeout.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond;
        _ = Libc.setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, value, 2 * sizeof(long));
    }

    private static bool Set(int descriptor, int level, int name, int value) => Libc.setsockopt(descriptor, level, name, &value, sizeof(int)) == 0;
}
