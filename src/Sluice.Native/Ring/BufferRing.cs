using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>
/// The receive buffers a ring's receives pick from (IORING_REGISTER_PBUF_RING). A buffer is known by a 16-bit id and is always in one of three places:
/// offered to the kernel, lent to whoever took its completion, or spare. There may be more buffers than the kernel is offered: who keeps one for longer has the
/// offer made up with a spare one. The kernel takes them in turn, so few are offered until that was too few: they stay in the processor's cache (2.5 % of a
/// request, measured). Used on the ring's thread; the bytes themselves may be read anywhere.
/// </summary>
internal sealed unsafe class BufferRing
{
    /// <summary>The buffer group of every ring: there is one in each.</summary>
    public const ushort Group = 0;

    private const nint RegisterBufferRing = 22; // IORING_REGISTER_PBUF_RING
    private const int MostBuffers = 1 << 16;
    private const int FewBuffers = 128; // one enter brings fewer receives, unless hundreds of connections are busy
    private const int BuffersPerSlab = 256;
    private const int SlabShift = 8;
    private const int CacheLine = 64;
    private const int PageSize = 4096;

    private readonly BufferEntry* _offers;
    private readonly ushort* _tailShared;
    private readonly int _entries;
    private readonly int _stride;

    // Each a pinned array of 256 buffers. They live as long as the ring: the kernel writes to them whenever it likes.
    private readonly byte[][] _slabs = new byte[MostBuffers / BuffersPerSlab][];

    private ushort[] _spares = new ushort[BuffersPerSlab];
    private int _spareCount;
    private int _count;
    private int _target;
    private int _offered;
    private ushort _tail;

    private BufferRing(BufferEntry* offers, int entries, int size)
    {
        _offers = offers;
        _tailShared = &offers->Tail;
        _entries = entries;
        _target = Math.Min(entries, FewBuffers);
        Size = size;

        // One line more than a power of two: otherwise the first lines of all buffers would fight for the same few sets of the cache.
        _stride = size + CacheLine;
        FillUp();
        Publish();
    }

    /// <summary>Bytes of a buffer.</summary>
    public int Size { get; }

    /// <summary>The most buffers that the kernel can be offered.</summary>
    public int Entries => _entries;

    /// <summary>Buffers the kernel is offered when all are back: few at first (<see cref="Grow"/>).</summary>
    public int Target => _target;

    /// <summary>Whether so few are left on offer that <see cref="FillUp"/> is due.</summary>
    public bool IsLow => _offered < _target / 4;

    /// <summary>Buffers the kernel may pick from, those included that are offered with the next enter.</summary>
    public int Offered => _offered;

    /// <summary>Buffers taken and not returned.</summary>
    public int Lent => _count - _offered - _spareCount;

    /// <summary>Buffers there are.</summary>
    public int Count => _count;

    /// <summary>Takes over the buffer a completion brought. Every taken buffer is returned once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take() => _offered--;

    /// <summary>The array that holds the buffer, from <see cref="OffsetOf"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte[] ArrayOf(ushort id) => _slabs[id >> SlabShift];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int OffsetOf(ushort id) => (id & (BuffersPerSlab - 1)) * _stride;

    /// <summary>The first <paramref name="count"/> bytes of a buffer. Only until it is returned.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> BytesOf(ushort id, int count) => ArrayOf(id).AsSpan(OffsetOf(id), count);

    /// <summary>Gives a taken buffer back. The kernel sees it after <see cref="Publish"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Return(ushort id)
    {
        if (_offered < _target)
        {
            Offer(id);
        }
        else
        {
            Spare(id); // another stands in for it meanwhile
        }
    }

    /// <summary>A receive has found no buffer: from now on twice as many are offered, as far as the ring has room. <see cref="FillUp"/> offers them.</summary>
    public void Grow() => _target = Math.Min(_target * 2, _entries);

    /// <summary>
    /// Makes the offer up to its full size with spare buffers, new ones if need be, because those that are lent may be kept for long. False when
    /// there are no more.
    /// </summary>
    public bool FillUp()
    {
        while (_offered < _target)
        {
            if (_spareCount == 0 && !AddSlab())
            {
                return false;
            }

            Offer(_spares[--_spareCount]);
        }

        return true;
    }

    /// <summary>Puts one spare buffer, a new one if need be, in the place of one that is kept. False when there are no more.</summary>
    public bool Replace()
    {
        if (_offered >= _target || (_spareCount == 0 && !AddSlab()))
        {
            return _offered >= _target;
        }

        Offer(_spares[--_spareCount]);
        return true;
    }

    /// <summary>Shows the kernel what was offered since the last time.</summary>
    public void Publish() => Volatile.Write(ref *_tailShared, _tail);

    internal static BufferRing? Register(int ring, RingMemory memory, int entries, int size, out NativeError error)
    {
        byte* offers = memory.Allocate((nuint)Math.Max(entries * sizeof(BufferEntry), PageSize), out error);
        if (offers is null)
        {
            return null;
        }

        BufferRegistration registration = new() { Address = (ulong)offers, Entries = (uint)entries, Group = Group };
        if (Libc.syscall(Libc.IoUringRegister, ring, RegisterBufferRing, (nint)(&registration), 1, 0, 0) < 0)
        {
            error = Errno.Last;
            return null;
        }

        return new BufferRing((BufferEntry*)offers, entries, size);
    }

    private void Offer(ushort id)
    {
        BufferEntry* offer = _offers + (_tail & (_entries - 1));
        offer->Address = (ulong)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(ArrayOf(id))) + (uint)OffsetOf(id);
        offer->Length = (uint)Size;
        offer->Id = id;
        _tail++;
        _offered++;
    }

    private void Spare(ushort id)
    {
        if (_spareCount == _spares.Length)
        {
            Array.Resize(ref _spares, _spareCount * 2);
        }

        _spares[_spareCount++] = id;
    }

    private bool AddSlab()
    {
        if (_count == MostBuffers)
        {
            return false;
        }

        _slabs[_count >> SlabShift] = GC.AllocateUninitializedArray<byte>(BuffersPerSlab * _stride, pinned: true);
        for (int i = BuffersPerSlab - 1; i >= 0; i--)
        {
            Spare((ushort)(_count + i));
        }

        _count += BuffersPerSlab;
        return true;
    }
}
