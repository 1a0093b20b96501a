using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Sluice.Looping;

/// <summary>
/// A loop's large buffers of one purpose, for its own thread only. Nearly always one goes round: whoever waits has given his back, so an idle
/// connection holds none. A handler that keeps one while it awaits something else keeps it to itself, and the next
/// connection takes another: that is how the loop gives a buffer away and replaces it.
/// </summary>
internal sealed class LoopBuffers
{
    /// <summary>The size of a large buffer, in bytes.</summary>
    public const int Size = 64 * 1024;

    private const int MostKept = 32;

    private readonly Stack<byte[]> _others = new();

    // The one that goes round is told by a flag: storing a reference costs more than the rest of renting.
    private readonly byte[] _first = NewBuffer();
    private bool _firstIsOut;

    /// <summary>Large buffers that were rented and not returned; kept by debug builds only.</summary>
    public int Out { get; private set; }

    /// <summary>A buffer of at least <paramref name="least"/> bytes: a large one, or a larger one of the shared pool.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte[] Rent(int least)
    {
        if (least <= Size && !_firstIsOut)
        {
            CountOut(1);
            _firstIsOut = true;
            return _first;
        }

        return RentAnother(least);
    }

    /// <summary>Takes a buffer back, of whatever size.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Return(byte[] buffer)
    {
        if (ReferenceEquals(buffer, _first))
        {
            CountOut(-1);
            _firstIsOut = false;
        }
        else
        {
            ReturnAnother(buffer);
        }
    }

    /// <summary>
    /// A buffer of at least <paramref name="least"/> bytes of the shared pool, from any thread. Never of <see cref="Size"/>, by which a loop knows its own.
    /// </summary>
    public static byte[] RentElsewhere(int least) => ArrayPool<byte>.Shared.Rent(least > Size / 2 ? Math.Max(least, Size + 1) : least);

    private static byte[] NewBuffer() => GC.AllocateUninitializedArray<byte>(Size, pinned: true);

    private byte[] RentAnother(int least)
    {
        if (least > Size)
        {
            return ArrayPool<byte>.Shared.Rent(least);
        }

        CountOut(1);
        return _others.TryPop(out byte[]? other) ? other : NewBuffer();
    }

    private void ReturnAnother(byte[] buffer)
    {
        if (buffer.Length != Size)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            return;
        }

        CountOut(-1);
        if (_others.Count < MostKept)
        {
            _others.Push(buffer);
        }
    }

    [Conditional("DEBUG")]
    private void CountOut(int by) => Out += by;
}
