using System.Buffers;
using System.Diagnostics;

namespace Sluice.Looping;

/// <summary>
/// A loop's large buffers, for its own thread only. Nearly always one for receiving and one for sending go round: whoever waits has given
/// his back, so an idle connection holds none. A handler that keeps one while it awaits something else keeps it to itself, and the next
/// connection takes another: that is how the loop gives a buffer away and replaces it.
/// </summary>
internal sealed class LoopBuffers
{
    /// <summary>The size of a large buffer, in bytes.</summary>
    public const int Size = 64 * 1024;

    private const int MostKept = 32;

    private readonly Kept[] _kept = new Kept[MostKept];
    private int _count;

    /// <summary>Large buffers that were rented and not returned; kept by debug builds only.</summary>
    public int Out { get; private set; }

    /// <summary>A buffer of at least <paramref name="least"/> bytes: a large one, or a larger one of the shared pool.</summary>
    public byte[] Rent(int least)
    {
        if (least > Size)
        {
            return ArrayPool<byte>.Shared.Rent(least);
        }

        CountOut(1);
        return _count > 0 ? Pop() : NewBuffer();
    }

    /// <summary>Takes a buffer back, of whatever size.</summary>
    public void Return(byte[] buffer)
    {
        if (buffer.Length != Size)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            return;
        }

        CountOut(-1);
        if (_count < MostKept)
        {
            _kept[_count++].Buffer = buffer;
        }
    }

    /// <summary>A buffer that will not come back: a handler ended and something of its own may still look at it.</summary>
    public void Forget(byte[] buffer)
    {
        if (buffer.Length == Size)
        {
            CountOut(-1);
        }
    }

    /// <summary>A large buffer that no loop counts, for a handler away from its loop.</summary>
    public static byte[] NewBuffer() => GC.AllocateUninitializedArray<byte>(Size, pinned: true);

    private byte[] Pop()
    {
        ref Kept kept = ref _kept[--_count];
        byte[] buffer = kept.Buffer!;
        kept.Buffer = null;
        return buffer;
    }

    [Conditional("DEBUG")]
    private void CountOut(int by) => Out += by;

    // In a structure, because storing into an array of references checks the array's type each time.
    private struct Kept
    {
        public byte[]? Buffer;
    }
}
