using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>A sockaddr as the kernel wrote it, small enough to live in the connection: an address object is made only when someone asks.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PeerAddress
{
    /// <summary>sizeof(struct sockaddr_in6), the largest kept. A Unix peer's path is cut, and reported as unnamed.</summary>
    public const int Size = 28;

    private const ushort AF_INET = 2;
    private const ushort AF_INET6 = 10;

    private ushort _family;
    private ushort _port;
    private uint _flowOrV4;
    private ulong _v6High;
    private ulong _v6Low;
    private uint _scope;

    /// <summary>A key that is equal for one source: the IPv4 address, or the IPv6 /64 (an IPv4-mapped one counts as IPv4). 0 when it has none.</summary>
    public readonly ulong SourceKey
    {
        get
        {
            if (_family == AF_INET)
            {
                return 1UL << 63 | _flowOrV4;
            }

            if (_family != AF_INET6)
            {
                return 0;
            }

            Span<byte> bytes = stackalloc byte[16];
            AddressBytes(bytes);
            ReadOnlySpan<byte> mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
            return bytes.StartsWith(mapped)
                ? 1UL << 63 | BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..])
                : BinaryPrimitives.ReadUInt64LittleEndian(bytes) | 1UL;
        }
    }

    /// <summary>The address as an object; null for an unnamed or Unix socket.</summary>
    public readonly EndPoint? ToEndPoint()
    {
        int port = BinaryPrimitives.ReverseEndianness(_port);
        if (_family == AF_INET)
        {
            return new IPEndPoint(_flowOrV4, port);
        }

        if (_family != AF_INET6)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[16];
        AddressBytes(bytes);
        var address = new IPAddress(bytes, _scope);
        return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
    }

    private readonly void AddressBytes(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, _v6High);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], _v6Low);
    }
}
