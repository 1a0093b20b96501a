using System.Buffers;

namespace Sluice.Requests;

/// <summary>A reply while it is written, in one piece, because formats look at all of it. Rented when something is written, given back by <see cref="Release"/>.</summary>
internal sealed class ReplyBuffer : IBufferWriter<byte>
{
    private const int Smallest = 1024;

    private byte[] _bytes = [];
    private int _used;

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _used);

    public void Clear() => _used = 0;

    public void Release()
    {
        _used = 0;
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = [];
        }
    }

    public void Advance(int count)
    {
        if ((uint)count > (uint)(_bytes.Length - _used))
        {
            throw new ArgumentOutOfRangeException(nameof(count), "Advance needs at most the memory that was lent.");
        }

        _used += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0) => MakeRoom(sizeHint).AsMemory(_used);

    public Span<byte> GetSpan(int sizeHint = 0) => MakeRoom(sizeHint).AsSpan(_used);

    private byte[] MakeRoom(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        int needed = checked(_used + Math.Max(sizeHint, 1));
        if (needed > _bytes.Length)
        {
            long twice = Math.Clamp(_bytes.Length * 2L, Smallest, Array.MaxLength);
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, (int)twice));
            Written.CopyTo(larger);
            if (_bytes.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(_bytes);
            }

            _bytes = larger;
        }

        return _bytes;
    }
}
