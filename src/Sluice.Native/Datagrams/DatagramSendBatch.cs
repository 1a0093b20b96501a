using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>
/// Sends several datagrams with one system call: sendmmsg(2). Several of one length to one peer in a row are given as one, which the kernel cuts up again
/// (UDP_SEGMENT, udp(7)): one way through the network stack instead of one for each. For one thread.
/// </summary>
internal sealed unsafe class DatagramSendBatch : IDisposable
{
    /// <summary>The most datagrams that a batch takes.</summary>
    public const int Capacity = 128;

    private const int ArenaSize = 256 * 1024;
    private const int ControlRoom = 64;
    private const int ControlHeader = 16; // struct cmsghdr
    private const int MostSegments = 64; // UDP_MAX_SEGMENTS
    private const int LongestSegment = 1452; // what an Ethernet packet of IPv6 has room for: longer ones gain little, and most ways out do not take them
    private const int MostTogether = 65_000; // with their headers, one packet's length
    private const int SOL_UDP = 17, UDP_SEGMENT = 103;
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;

    private readonly MultiMessageHeader* _messages;
    private readonly IoVector* _vectors;
    private readonly byte* _controls;
    private readonly byte[] _arena;
    private readonly byte* _arenaStart;
    private int _count; // messages
    private int _datagrams; // vectors
    private int _used; // of the arena

    // Of the last message: what may still join it.
    private DatagramBuffer? _lastPeer;
    private int _segment;
    private int _together;
    private bool _isFull;

    /// <param name="offload">Whether the kernel may be given several datagrams as one.</param>
    public DatagramSendBatch(bool offload)
    {
        Offloads = offload;
        _messages = (MultiMessageHeader*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(MultiMessageHeader));
        _vectors = (IoVector*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(IoVector));
        _controls = (byte*)NativeMemory.AllocZeroed(Capacity, ControlRoom);
        _arena = GC.AllocateUninitializedArray<byte>(ArenaSize, pinned: true);
        _arenaStart = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_arena, 0);
    }

    public bool IsEmpty => _count == 0;

    /// <summary>Whether datagrams are given together; turned off where the kernel or the way out cannot.</summary>
    public bool Offloads { get; private set; }

    /// <summary>Answers with a part of the array of what is answered, which stays as it is until the batch is sent. False: the batch is full.</summary>
    public bool TryReply(DatagramBuffer to, int offset, int length)
    {
        if (_datagrams == Capacity)
        {
            return false;
        }

        Add(to, to.Start + offset, length);
        return true;
    }

    /// <summary>Answers with a copy of <paramref name="payload"/>. False: the batch is full.</summary>
    public bool TryReply(DatagramBuffer to, ReadOnlySpan<byte> payload)
    {
        if (_datagrams == Capacity || !TryCopy(payload, out byte* copy))
        {
            return false;
        }

        Add(to, copy, payload.Length);
        return true;
    }

    /// <summary>Sends a copy of <paramref name="payload"/> to an address. False: the batch is full.</summary>
    public bool TrySend(ReadOnlySpan<byte> name, ReadOnlySpan<byte> payload)
    {
        if (_datagrams == Capacity || _used + name.Length + payload.Length > ArenaSize || !TryCopy(name, out byte* peer) || !TryCopy(payload, out byte* copy))
        {
            return false;
        }

        Begin(peer, name.Length, [], copy, payload.Length);
        _lastPeer = null;
        return true;
    }

    /// <summary>Whether a batch could ever take so many bytes.</summary>
    public static bool Fits(int length) => length <= ArenaSize - DatagramBuffer.NameRoom;

    /// <summary>Sends everything, and tells <paramref name="failures"/> of what did not go. Never waits.</summary>
    public void Send(int descriptor, IDatagramFailures failures)
    {
        int done = 0;
        bool someWait = false;
        while (done < _count)
        {
            int run = someWait ? RunFrom(done, failures) : _count - done;
            if (run == 0)
            {
                Fail(descriptor, _messages[done++].Header, NativeError.WouldBlock, failures); // behind one to the same peer that had no room
                continue;
            }

            nint sent = Libc.message(Libc.SendMessages, descriptor, _messages + done, run, MSG_NOSIGNAL | MSG_DONTWAIT, 0);
            if (sent > 0)
            {
                done += (int)sent;
                continue;
            }

            NativeError error = sent < 0 ? Errno.OfSystem : NativeError.Other;
            if (error != NativeError.Interrupted)
            {
                someWait |= error == NativeError.WouldBlock;
                Fail(descriptor, _messages[done++].Header, error, failures);
            }
        }

        _count = _datagrams = _used = 0;
        _lastPeer = null;
    }

    public void Dispose()
    {
        NativeMemory.Free(_messages);
        NativeMemory.Free(_vectors);
        NativeMemory.Free(_controls);
    }

    // How many in a row may go: none of them is to overtake one that waits.
    private int RunFrom(int first, IDatagramFailures failures)
    {
        int end = first;
        while (end < _count && failures.MayGo(new ReadOnlySpan<byte>(_messages[end].Header.Name, (int)_messages[end].Header.NameLength)))
        {
            end++;
        }

        return end - first;
    }

    // Behind the last one, if that goes to the same peer with the same length: only the last of a row may be shorter, and none may be empty.
    private void Add(DatagramBuffer to, byte* start, int length)
    {
        if (_lastPeer is { } last && !_isFull && length > 0 && length <= _segment && _together + length <= MostTogether && (ReferenceEquals(last, to) || (last.Name.SequenceEqual(to.Name) && last.Source.SequenceEqual(to.Source))))
        {
            ref MessageHeader header = ref _messages[_count - 1].Header;
            if (header.VectorCount == 1)
            {
                AddSegmentSize(ref header);
            }

            _vectors[_datagrams++] = new IoVector { Start = start, Length = length };
            header.VectorCount++;
            _together += length;
            _isFull = length < _segment || header.VectorCount == MostSegments;
            return;
        }

        Begin(to.Start, to.NameLength, to.Source, start, length);
        (_lastPeer, _segment, _together, _isFull) = (Offloads && length is > 0 and <= LongestSegment ? to : null, length, length, false);
    }

    private void Begin(byte* name, int nameLength, ReadOnlySpan<byte> source, byte* start, int length)
    {
        byte* control = _controls + (_count * ControlRoom);
        int controlLength = DatagramSource.Write(control, source);
        _vectors[_datagrams] = new IoVector { Start = start, Length = length };
        _messages[_count++].Header = new MessageHeader
        {
            Name = name,
            NameLength = nameLength,
            Vectors = _vectors + _datagrams++,
            VectorCount = 1,
            Control = controlLength > 0 ? control : null,
            ControlLength = controlLength,
        };
    }

    private void AddSegmentSize(ref MessageHeader header)
    {
        byte* control = _controls + ((_count - 1) * ControlRoom);
        byte* at = control + header.ControlLength;
        *(nint*)at = ControlHeader + sizeof(ushort);
        *(int*)(at + 8) = SOL_UDP;
        *(int*)(at + 12) = UDP_SEGMENT;
        *(long*)(at + ControlHeader) = (ushort)_segment;
        header.Control = control;
        header.ControlLength += ControlHeader + 8;
    }

    // What was given together is sent again one by one: the way out may have a smaller packet, or no checksums (EINVAL, EIO).
    private void Fail(int descriptor, in MessageHeader header, NativeError error, IDatagramFailures failures)
    {
        var name = new ReadOnlySpan<byte>(header.Name, (int)header.NameLength);
        bool isTogether = header.VectorCount > 1;
        bool splits = isTogether && error is NativeError.InvalidArgument or NativeError.Io or NativeError.MessageTooLong;
        if (splits)
        {
            Offloads = false;
        }

        MessageHeader single = header;
        single.VectorCount = 1;
        if (isTogether)
        {
            single.ControlLength -= ControlHeader + 8;
            single.Control = single.ControlLength > 0 ? header.Control : null;
        }

        for (nint i = 0; i < header.VectorCount; i++)
        {
            single.Vectors = header.Vectors + i;
            NativeError each = !splits ? error : Libc.message(Libc.SendMessage, descriptor, &single, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0) >= 0 ? NativeError.None : Errno.OfSystem;
            if (each != NativeError.None)
            {
                failures.OnNotSent(name, Source(single), new ReadOnlySpan<byte>(header.Vectors[i].Start, (int)header.Vectors[i].Length), each);
            }
        }
    }

    private static ReadOnlySpan<byte> Source(in MessageHeader header) =>
        header.Control == null ? [] : header.ControlLength == 32 ? new((byte*)header.Control + ControlHeader + 4, 4) : new((byte*)header.Control + ControlHeader, 16);

    private bool TryCopy(ReadOnlySpan<byte> bytes, out byte* copy)
    {
        copy = _arenaStart + _used;
        if (_used + bytes.Length > ArenaSize)
        {
            return false;
        }

        bytes.CopyTo(_arena.AsSpan(_used));
        _used += bytes.Length;
        return true;
    }
}

/// <summary>Who is told of datagrams that the kernel did not take.</summary>
internal interface IDatagramFailures
{
    /// <summary>Whether nothing to this peer waits, which would have to go first. Asked once one had no room.</summary>
    bool MayGo(ReadOnlySpan<byte> name);

    /// <summary>One was not sent. The spans are valid during the call.</summary>
    void OnNotSent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> source, ReadOnlySpan<byte> payload, NativeError error);
}
