using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Sluice.Datagrams;

/// <summary>A sockaddr of the kernel as .NET's end points, and back. The first two bytes are the family, in the machine's order.</summary>
internal static class DatagramAddresses
{
    private const int FamilySize = 2;
    private const int FourSize = 16; // struct sockaddr_in
    private const int SixSize = 28; // struct sockaddr_in6
    private const int UnixSize = 110; // struct sockaddr_un
    private const ushort UnixFamily = 1;
    private const ushort FourFamily = 2;
    private const ushort SixFamily = 10;

    private static readonly UnixDomainSocketEndPoint AnyUnix = new("/"); // to make others from

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
                return ToUnixEndPoint(name);
            default:
                return null;
        }
    }

    // A path ends with a NUL, an abstract name begins with one. Neither need be text, so the end point keeps the bytes.
    private static EndPoint? ToUnixEndPoint(ReadOnlySpan<byte> name)
    {
        int end = name[FamilySize] == 0 ? -1 : name[FamilySize..].IndexOf((byte)0);
        name = end < 0 ? name : name[..(FamilySize + end)];
        if (name.Length > UnixSize)
        {
            return null;
        }

        var address = new SocketAddress(AddressFamily.Unix, name.Length);
        name.CopyTo(address.Buffer.Span);
        return AnyUnix.Create(address);
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
