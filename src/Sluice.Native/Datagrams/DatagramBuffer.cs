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

    private const int ControlHeader = 16; // struct cmsghdr
    private const int SOL_IP = 0, SOL_SOCKET = 1, SOL_UDP = 17, SOL_IPV6 = 41;
    private const int IP_PKTINFO = 8, IPV6_PKTINFO = 50, SCM_CREDENTIALS = 2, SCM_TIMESTAMPNS = 35, SO_RXQ_OVFL = 40, UDP_GRO = 104;
    private const int MSG_TRUNC = 0x20;

    private int _local; // where the address lies that it was sent to; 0: not told
    private int _localLength;

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
    public long Nanoseconds { get; private set; }

    /// <summary>Who sent it; null when the kernel was not asked.</summary>
    public PeerCredentials? Credentials { get; private set; }

    /// <summary>The sender's sockaddr; empty when it has none.</summary>
    public ReadOnlySpan<byte> Name => Array.AsSpan(0, NameLength);

    public int NameLength { get; private set; }

    /// <summary>The address that it was sent to, 4 or 16 bytes, where the kernel was asked; else empty.</summary>
    public ReadOnlySpan<byte> LocalAddress => Array.AsSpan(_local, _localLength);

    internal byte* Start { get; }

    /// <summary>Makes it a copy of a part of another one.</summary>
    public void CopyFrom(DatagramBuffer other, int offset, int length)
    {
        other.Array.AsSpan(0, PayloadOffset).CopyTo(Array);
        other.Array.AsSpan(offset, length).CopyTo(Array.AsSpan(PayloadOffset));
        (Length, NameLength, IsTruncated, SegmentSize) = (length, other.NameLength, other.IsTruncated, other.SegmentSize);
        (Dropped, Nanoseconds, Credentials) = (null, other.Nanoseconds, other.Credentials);
        (_local, _localLength) = (other._local, other._localLength);
    }

    /// <summary>Makes it what another process has received.</summary>
    public void Set(ReadOnlySpan<byte> name, ReadOnlySpan<byte> local, ReadOnlySpan<byte> payload, bool isTruncated, long nanoseconds, PeerCredentials? credentials)
    {
        name.CopyTo(Array);
        local.CopyTo(Array.AsSpan(NameRoom));
        payload.CopyTo(Array.AsSpan(PayloadOffset));
        (NameLength, Length, IsTruncated, SegmentSize, Dropped) = (name.Length, payload.Length, isTruncated, 0, null);
        (Nanoseconds, Credentials, _local, _localLength) = (nanoseconds, credentials, NameRoom, local.Length);
    }

    /// <summary>Reads what the kernel has left beside the bytes.</summary>
    internal void Accept(in MultiMessageHeader message)
    {
        Length = (int)message.Length;
        NameLength = Math.Min((int)message.Header.NameLength, NameRoom);
        if (NameLength <= sizeof(ushort))
        {
            NameLength = 0; // an unbound Unix socket: a family and nothing else, or not even that
        }

        IsTruncated = (message.Header.Flags & MSG_TRUNC) != 0;
        (SegmentSize, _localLength, Nanoseconds, Credentials, Dropped) = (0, 0, 0, null, null);
        nint left = message.Header.ControlLength;
        byte* at = (byte*)message.Header.Control;
        while (left >= ControlHeader)
        {
            nint length = *(nint*)at;
            if (length < ControlHeader || length > left)
            {
                return;
            }

            Take(*(int*)(at + 8), *(int*)(at + 12), at + ControlHeader);
            nint step = (length + 7) & ~7;
            at += step;
            left -= step;
        }
    }

    private void Take(int level, int type, byte* data)
    {
        switch (level, type)
        {
            case (SOL_SOCKET, SCM_TIMESTAMPNS): // struct timespec
                Nanoseconds = (*(long*)data * 1_000_000_000) + *(long*)(data + 8);
                break;
            case (SOL_IP, IP_PKTINFO): // struct in_pktinfo: int, in_addr, in_addr: the last is the header's destination
                (_local, _localLength) = ((int)(data + 8 - Start), 4);
                break;
            case (SOL_IPV6, IPV6_PKTINFO): // struct in6_pktinfo: in6_addr, unsigned
                (_local, _localLength) = ((int)(data - Start), 16);
                break;
            case (SOL_SOCKET, SCM_CREDENTIALS): // struct ucred
                Credentials = *(PeerCredentials*)data;
                break;
            case (SOL_SOCKET, SO_RXQ_OVFL):
                Dropped = *(uint*)data;
                break;
            case (SOL_UDP, UDP_GRO):
                SegmentSize = *(int*)data;
                break;
        }
    }
}
