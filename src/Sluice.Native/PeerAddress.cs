using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>
/// The address of a peer, small enough to live in the connection: an address object is made only when someone asks. An IPv6 address takes an object of
/// its own, so that the others need not carry its size.
/// </summary>
internal readonly struct PeerAddress
{
    private const ushort AF_INET = 2;
    private const ushort AF_INET6 = 10;

    private readonly SixAddress? _six;
    private readonly uint _four;
    private readonly ushort _family;
    private readonly ushort _port; // in the network's order

    /// <summary>From what the kernel wrote.</summary>
    public PeerAddress(in RawSocketAddress address)
    {
        (_family, _port, _four) = (address.Family, address.Port, address.FlowOrV4);
        _six = _family == AF_INET6 ? new SixAddress(address) : null;
    }

    /// <summary>A key that is equal for one source: the IPv4 address, or the IPv6 /64 (an IPv4-mapped one counts as IPv4). 0 when it has none.</summary>
    public ulong SourceKey => _family == AF_INET ? 1UL << 63 | _four : _six?.SourceKey ?? 0;

    /// <summary>The address as an object; null for an unnamed or Unix socket.</summary>
    public EndPoint? ToEndPoint()
    {
        int port = BinaryPrimitives.ReverseEndianness(_port);
        return _family == AF_INET ? new IPEndPoint(_four, port) : _six?.ToEndPoint(port);
    }

    private sealed class SixAddress(in RawSocketAddress address)
    {
        private readonly ulong _high = address.V6High;
        private readonly ulong _low = address.V6Low;
        private readonly uint _scope = address.Scope;

        public ulong SourceKey
        {
            get
            {
                Span<byte> bytes = stackalloc byte[16];
                AddressBytes(bytes);
                ReadOnlySpan<byte> mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
                return bytes.StartsWith(mapped)
                    ? 1UL << 63 | BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..])
                    : BinaryPrimitives.ReadUInt64LittleEndian(bytes) | 1UL;
            }
        }

        public IPEndPoint ToEndPoint(int port)
        {
            Span<byte> bytes = stackalloc byte[16];
            AddressBytes(bytes);
            var six = new IPAddress(bytes, _scope);
            return new IPEndPoint(six.IsIPv4MappedToIPv6 ? six.MapToIPv4() : six, port);
        }

        private void AddressBytes(Span<byte> bytes)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, _high);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], _low);
        }
    }
}

/// <summary>A sockaddr as the kernel writes it. A Unix peer's path is cut, and reported as unnamed.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RawSocketAddress
{
    /// <summary>sizeof(struct sockaddr_in6), the largest kept.</summary>
    public const int Size = 28;

    public ushort Family;
    public ushort Port;
    public uint FlowOrV4;
    public ulong V6High;
    public ulong V6Low;
    public uint Scope;
}
