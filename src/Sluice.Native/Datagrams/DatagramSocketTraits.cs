namespace Sluice.Native;

/// <summary>What a datagram socket is, as far as its sends and receives are concerned.</summary>
/// <param name="IsUnix">It is a Unix socket: senders have credentials, and may be without a name.</param>
/// <param name="IsSix">It is an IPv6 socket; one that is bound to every address has IPv4 peers too, mapped.</param>
internal readonly record struct DatagramSocketTraits(bool IsUnix, bool IsSix)
{
    private const int SOL_SOCKET = 1, SO_DOMAIN = 39, AF_UNIX = 1, AF_INET6 = 10;

    /// <summary>Asks the socket. getsockopt(2).</summary>
    public static unsafe DatagramSocketTraits Of(int descriptor)
    {
        int family = 0, length = sizeof(int);
        _ = Libc.getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &length);
        return new(family == AF_UNIX, family == AF_INET6);
    }
}
