using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>
/// What one datagram is received into, in one array that is pinned for life: the sender's address, the control messages, the bytes. The kernel may give several
/// datagrams of one sender as one (UDP_GRO): then <see cref="SegmentSize"/> is the length of each but the last.
/// </summary>
internal sealed unsafe class DatagramBuffer
{
    /// <summary>Room for an address: struct sockaddr_storage.</summary>
    public const int NameRoom = 128;

    /// <summary>Room for control messages: what <see cref="DatagramSocketOptions"/> turns on takes 104 bytes at most.</summary>
    public const int ControlRoom = 128;

    /// <summary>Where the bytes begin in <see cref="Array"/>.</summary>
    public const int PayloadOffset = NameRoom + ControlRoom;

    private const int LongestAddress = 16;
    private const int ControlHeader = 16; // struct cmsghdr
    private const int SOL_IP = 0, SOL_SOCKET = 1, SOL_UDP = 17, SOL_IPV6 = 41;
    private const int IP_PKTINFO = 8, IPV6_PKTINFO = 50, SCM_RIGHTS = 1, SCM_CREDENTIALS = 2, SCM_TIMESTAMPNS = 35, SO_RXQ_OVFL = 40, UDP_GRO = 104;
    private const int MSG_TRUNC = 0x20;
    private const uint Nobody = 65_534;
    private const byte FirstMulticast = 224; // of IPv4: 224.0.0.0/4 and what is above, the broadcast 255.255.255.255 included

    // What comes before an IPv4 address that an IPv6 socket has.
    private static ReadOnlySpan<byte> Mapped => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

    private int _local; // where the address lies that it was sent to; 0: not told
    private int _localLength;
    private int _source; // where the address lies to answer from
    private int _sourceLength;

    public DatagramBuffer(int size)
    {
        Array = GC.AllocateUninitializedArray<byte>(PayloadOffset + size, pinned: true);
        Start = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(Array, 0);
    }

    public byte[] Array { get; }

    /// <summary>Bytes of a datagram that it has room for.</summary>
    public int Size => Array.Length - PayloadOffset;

    /// <summary>Bytes received.</summary>
    public int Length { get; private set; }

    /// <summary>Whether the datagram was longer.</summary>
    public bool IsTruncated { get; private set; }

    /// <summary>The length of each datagram but the last, where there are several; else 0.</summary>
    public int SegmentSize { get; private set; }

    /// <summary>How many the kernel has dropped at this socket so far, modulo 2^32; null when it does not say, which it does not before the first.</summary>
    public uint? Dropped { get; private set; }

    /// <summary>When it was received, in nanoseconds since 1970; 0 when the kernel was not asked.</summary>
    public long Nanoseconds { get; set; }

    /// <summary>Who sent it; null when the kernel was not asked.</summary>
    public PeerCredentials? Credentials { get; private set; }

    /// <summary>The sender's sockaddr; empty when it has none.</summary>
    public ReadOnlySpan<byte> Name => Array.AsSpan(0, NameLength);

    public int NameLength { get; private set; }

    /// <summary>The address that it was sent to, 4 or 16 bytes, where the kernel was asked; else empty.</summary>
    public ReadOnlySpan<byte> LocalAddress => Array.AsSpan(_local, _localLength);

    /// <summary>The address to answer from, in the same way: the machine's own, where it was sent to many (broadcast, multicast); empty leaves it to the route.</summary>
    public ReadOnlySpan<byte> Source => Array.AsSpan(_source, _sourceLength);

    internal byte* Start { get; }

    /// <summary>Makes it a copy of a part of another one.</summary>
    public void CopyFrom(DatagramBuffer other, int offset, int length)
    {
        other.Array.AsSpan(0, PayloadOffset).CopyTo(Array);
        other.Array.AsSpan(offset, length).CopyTo(Array.AsSpan(PayloadOffset));
        (Length, NameLength, IsTruncated, SegmentSize) = (length, other.NameLength, other.IsTruncated, other.SegmentSize);
        (Dropped, Nanoseconds, Credentials) = (null, other.Nanoseconds, other.Credentials);
        (_local, _localLength, _source, _sourceLength) = (other._local, other._localLength, other._source, other._sourceLength);
    }

    /// <summary>Makes it what another process has received. The two addresses have 4 or 16 bytes, or none.</summary>
    public void Set(
        ReadOnlySpan<byte> name, ReadOnlySpan<byte> local, ReadOnlySpan<byte> source, ReadOnlySpan<byte> payload, bool isTruncated, long nanoseconds, PeerCredentials? credentials)
    {
        name.CopyTo(Array);
        local.CopyTo(Array.AsSpan(NameRoom));
        source.CopyTo(Array.AsSpan(NameRoom + LongestAddress));
        payload.CopyTo(Array.AsSpan(PayloadOffset));
        (NameLength, Length, IsTruncated, SegmentSize, Dropped) = (name.Length, payload.Length, isTruncated, 0, null);
        (Nanoseconds, Credentials, _local, _localLength) = (nanoseconds, credentials, NameRoom, local.Length);
        SetSource(NameRoom + LongestAddress, source.Length);
    }

    /// <summary>Reads what the kernel has left beside the bytes.</summary>
    internal void Accept(in MultiMessageHeader message)
    {
        Length = (int)Math.Min(message.Length, (uint)Size);
        NameLength = Math.Min((int)message.Header.NameLength, NameRoom);
        if (NameLength <= sizeof(ushort))
        {
            NameLength = 0; // an unbound Unix socket: a family and nothing else, or not even that
        }

        IsTruncated = (message.Header.Flags & MSG_TRUNC) != 0;
        (SegmentSize, _localLength, _sourceLength, Nanoseconds, Credentials, Dropped) = (0, 0, 0, 0, null, null);
        nint left = Math.Min(message.Header.ControlLength, ControlRoom);
        byte* at = (byte*)message.Header.Control;
        while (left >= ControlHeader)
        {
            nint length = *(nint*)at;
            if (length < ControlHeader || length > left)
            {
                return;
            }

            Take(*(int*)(at + 8), *(int*)(at + 12), at + ControlHeader, (int)length - ControlHeader);
            nint step = (length + 7) & ~7;
            at += step;
            left -= step;
        }
    }

    // Where there was no room for the whole of a message, its data is shorter than it should be.
    private void Take(int level, int type, byte* data, int length)
    {
        switch (level, type)
        {
            case (SOL_SOCKET, SCM_TIMESTAMPNS) when length >= 16: // struct timespec
                Nanoseconds = (*(long*)data * 1_000_000_000) + *(long*)(data + 8);
                break;
            case (SOL_IP, IP_PKTINFO) when length >= 12: // struct in_pktinfo: int, in_addr, in_addr: ours, and the header's destination
                (_local, _localLength) = ((int)(data + 8 - Start), 4);
                SetSource((int)(data + 4 - Start), 4);
                break;
            case (SOL_IPV6, IPV6_PKTINFO) when length >= 20: // struct in6_pktinfo: in6_addr, unsigned
                (_local, _localLength) = ((int)(data - Start), 16);
                SetSource(_local, 16);
                break;
            case (SOL_SOCKET, SCM_CREDENTIALS) when length >= sizeof(PeerCredentials): // struct ucred
                // A process 0 that is nobody's: it was sent before the kernel was asked to tell, and that one does not know.
                PeerCredentials sender = *(PeerCredentials*)data;
                Credentials = sender is { Process: 0, User: Nobody } ? null : sender;
                break;
            case (SOL_SOCKET, SCM_RIGHTS): // whoever sends descriptors is not to fill our table with them
                for (int i = 0; i + sizeof(int) <= length; i += sizeof(int))
                {
                    DescriptorCloser.Close(*(int*)(data + i));
                }

                break;
            case (SOL_SOCKET, SO_RXQ_OVFL) when length >= sizeof(uint):
                Dropped = *(uint*)data;
                break;
            case (SOL_UDP, UDP_GRO) when length >= sizeof(int):
                SegmentSize = Math.Max(*(int*)data, 0);
                break;
        }
    }

    // Nobody can send from an address that means many; of IPv4's broadcasts to an IPv6 socket only the one for everybody can be told.
    private void SetSource(int at, int length)
    {
        ReadOnlySpan<byte> address = Array.AsSpan(at, length);
        ReadOnlySpan<byte> four = length == 4 ? address : address.StartsWith(Mapped) ? address[12..] : default;
        bool isMany = four.IsEmpty ? address is [0xff, ..] : four[0] >= FirstMulticast;
        (_source, _sourceLength) = (at, isMany ? 0 : length);
    }
}
