namespace Sluice.Native;

/// <summary>The address to send from, as a control message: IP_PKTINFO, ip(7), or IPV6_PKTINFO, ipv6(7).</summary>
internal static unsafe class DatagramSource
{
    /// <summary>The most bytes that <see cref="Write"/> writes.</summary>
    public const int Room = 40;

    private const int ControlHeader = 16; // struct cmsghdr
    private const int SOL_IP = 0, SOL_IPV6 = 41, IP_PKTINFO = 8, IPV6_PKTINFO = 50;

    /// <summary>Writes it behind <paramref name="control"/>, and returns how long it is: 0 for no address.</summary>
    public static int Write(byte* control, ReadOnlySpan<byte> address)
    {
        if (address.Length == 0)
        {
            return 0;
        }

        bool isSix = address.Length == 16;
        int length = ControlHeader + (isSix ? 20 : 12);
        *(nint*)control = length;
        *(int*)(control + 8) = isSix ? SOL_IPV6 : SOL_IP;
        *(int*)(control + 12) = isSix ? IPV6_PKTINFO : IP_PKTINFO;
        byte* data = control + ControlHeader;
        new Span<byte>(data, (isSix ? 20 : 12) + 4).Clear(); // the interface is left to the route; the padding behind an IPv4 one
        address.CopyTo(new Span<byte>(isSix ? data : data + 4, address.Length)); // in_pktinfo: ipi_ifindex, ipi_spec_dst, ipi_addr
        return (length + 7) & ~7;
    }
}
