using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sluice.Datagrams;

/// <summary>A sockaddr of the kernel as .NET's end points, and back. The first two bytes are the family, in the machine's order.</summary>
internal static class DatagramAddresses
{
    private const int FamilySize = 2;
    private const int FourSize = 16; // struct sockaddr_in
    private const int SixSize = 28; // struct sockaddr_in6
    private const ushort UnixFamily = 1;
    private const ushort FourFamily = 2;
    private const ushort SixFamily = 10;

    // What comes before an IPv4 address that an IPv6 socket has.
    private static ReadOnlySpan<byte> Mapped => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

    /// <summary>The end point; null for a sender without a name. An IPv4 peer of an IPv6 socket is told as IPv4.</summary>
    public static EndPoint? ToEndPoint(ReadOnlySpan<byte> name)
    {
        if (name.Length <= FamilySize)
        {
            return null;
        }

        switch (BitConverter.ToUInt16(name))
        {
            case FourFamily when name.Length >= FourSize:
                return new IPEndPoint(new IPAddress(name.Slice(4, 4)), BinaryPrimitives.ReadUInt16BigEndian(name[2..]));
            case SixFamily when name.Length >= SixSize:
                return new IPEndPoint(ToAddress(name.Slice(8, 16), BitConverter.ToUInt32(name[24..])), BinaryPrimitives.ReadUInt16BigEndian(name[2..]));
            case UnixFamily:
                ReadOnlySpan<byte> path = name[FamilySize..];
                int end = path[0] == 0 ? -1 : path.IndexOf((byte)0); // an abstract name begins with a NUL, and a path ends with one
                return new UnixDomainSocketEndPoint(Encoding.UTF8.GetString(end < 0 ? path : path[..end]));
            default:
                return null;
        }
    }

    /// <summary>An address of 4 or 16 bytes.</summary>
    public static IPAddress ToAddress(ReadOnlySpan<byte> bytes, uint scope = 0)
    {
        if (bytes.Length == 4 || bytes.StartsWith(Mapped))
        {
            return new IPAddress(bytes[^4..]);
        }

        return new IPAddress(bytes, scope);
    }

    /// <summary>
    /// Writes the address as a socket of <paramref name="isSix"/> or <paramref name="isUnix"/> can send to it, and returns its length; 0 when it cannot: the address is
    /// of another family. <paramref name="target"/> has room for any sockaddr.
    /// </summary>
    public static int Write(SocketAddress peer, bool isUnix, bool isSix, Span<byte> target)
    {
        ReadOnlySpan<byte> source = peer.Buffer.Span[..peer.Size];
        if (source.Length <= FamilySize || source.Length > target.Length)
        {
            return 0;
        }

        switch (peer.Family)
        {
            case AddressFamily.InterNetwork when isSix && source.Length >= FourSize:
                target[..SixSize].Clear();
                BitConverter.TryWriteBytes(target, SixFamily);
                source.Slice(2, 2).CopyTo(target[2..]);
                Mapped.CopyTo(target[8..]);
                source.Slice(4, 4).CopyTo(target[20..]);
                return SixSize;
            case AddressFamily.InterNetwork when !isUnix:
            case AddressFamily.InterNetworkV6 when isSix:
            case AddressFamily.Unix when isUnix:
                source.CopyTo(target);
                return source.Length;
            default:
                return 0;
        }
    }
}
