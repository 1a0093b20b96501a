namespace Sluice.Transports.InMemory;

/// <summary>A bounded queue of bytes: one direction of an in-memory connection, as large as a small socket buffer. Its owner locks.</summary>
internal sealed class ByteQueue
{
    private const int Capacity = 64 * 1024;

    private byte[]? _bytes;
    private int _first;
    private int _count;

    public bool IsEmpty => _count == 0;

    /// <summary>The writer has sent its FIN.</summary>
    public bool Finished { get; set; }

    public int Write(ReadOnlySpan<byte> from)
    {
        _bytes ??= new byte[Capacity];
        int count = Math.Min(from.Length, Capacity - _count);
        int at = (_first + _count) % Capacity;
        int straight = Math.Min(count, Capacity - at);
        from[..straight].CopyTo(_bytes.AsSpan(at));
        from[straight..count].CopyTo(_bytes);
        _count += count;
        return count;
    }

    public int Read(Span<byte> into)
    {
        int count = Math.Min(into.Length, _count);
        int straight = Math.Min(count, Capacity - _first);
        _bytes.AsSpan(_first, straight).CopyTo(into);
        _bytes.AsSpan(0, count - straight).CopyTo(into[straight..]);
        _first = (_first + count) % Capacity;
        _count -= count;
        return count;
    }

    public void Clear() => _count = 0;
}
