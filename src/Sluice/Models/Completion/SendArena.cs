using System.Runtime.CompilerServices;

namespace Sluice.Models.Completion;

/// <summary>
/// Where the bytes of a turn's sends stand still until the kernel has taken them: one after the other in large pinned arrays that all connections
/// share. What a turn sent is known to be done only after the completions of the next enter, so the arrays of two turns take turns. For the
/// loop's thread.
/// </summary>
internal sealed class SendArena
{
    /// <summary>The most that one send takes, in bytes, and the size of an array.</summary>
    public const int Most = 64 * 1024;

    private const int Alignment = 16;
    private const int MostSpares = 32;

    // Not those of the loop's buffers: only what never leaves this room is sure to be pinned.
    private readonly Stack<byte[]> _spares = new();

    private List<byte[]> _full = []; // of this turn, before the current one
    private List<byte[]> _fullBefore = [];
    private byte[] _current = NewArray();
    private byte[] _before = NewArray();
    private int _used;

    /// <summary>A pinned array of <see cref="Most"/> bytes for bytes that stay longer than a turn.</summary>
    public byte[] Rent() => _spares.TryPop(out byte[]? spare) ? spare : NewArray();

    /// <summary>Takes it back, when the kernel no longer reads it.</summary>
    public void Return(byte[] array)
    {
        if (_spares.Count < MostSpares)
        {
            _spares.Push(array);
        }
    }

    /// <summary>Room for <paramref name="count"/> bytes, at most <see cref="Most"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte[] Allocate(int count, out int offset)
    {
        offset = (_used + Alignment - 1) & -Alignment;
        if (offset + count > Most)
        {
            TakeAnother();
            offset = 0;
        }

        _used = offset + count;
        return _current;
    }

    /// <summary>Makes the last room longer, if it is the last: it ends at <paramref name="end"/> of <paramref name="array"/>.</summary>
    public bool TryExtend(byte[] array, int end, int more)
    {
        if (!ReferenceEquals(array, _current) || end != _used || end + more > array.Length)
        {
            return false;
        }

        _used += more;
        return true;
    }

    /// <summary>The sends of this turn are submitted, and what those of the turn before left has been rescued.</summary>
    public void Turn()
    {
        if (_used == 0 && _fullBefore.Count == 0)
        {
            return;
        }

        foreach (byte[] array in _fullBefore)
        {
            Return(array);
        }

        _fullBefore.Clear();
        (_full, _fullBefore) = (_fullBefore, _full);
        (_current, _before) = (_before, _current);
        _used = 0;
    }

    private void TakeAnother()
    {
        _full.Add(_current);
        _current = Rent();
    }

    private static byte[] NewArray() => GC.AllocateUninitializedArray<byte>(Most, pinned: true);
}
