using System.Buffers;

namespace Sluice.Framing;

/// <summary>
/// Where messages begin and end in a stream of bytes. Without state and without I/O: one object serves any number of connections and threads. Nothing here allocates,
/// whatever the bytes say.
/// </summary>
public abstract class FrameFormat
{
    /// <summary>The maximum of a frame where nothing else is said: 64 KiB.</summary>
    public const int DefaultMaxFrame = 65_536;

    /// <summary>Creates a format whose frames have at most <paramref name="maxFrame"/> bytes, at least 1.</summary>
    protected FrameFormat(int maxFrame)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxFrame, 1);
        MaxFrame = maxFrame;
    }

    /// <summary>The most bytes of a frame, without what the format puts around it. A longer one is refused as soon as that can be known, before it is buffered.</summary>
    public int MaxFrame { get; }

    /// <summary>
    /// Takes the first frame off <paramref name="input"/>. False when it is not there as a whole: call again with the same bytes and more behind them, and give
    /// <paramref name="seen"/> back.
    /// </summary>
    /// <param name="input">What came; on success, what is behind the frame.</param>
    /// <param name="seen">How many bytes from the start need not be looked at again, so that a frame that comes byte by byte costs no more than one that comes at
    /// once. The format's own; 0 for a new frame.</param>
    /// <param name="frame">The frame, a slice of <paramref name="input"/>: it is valid as long as that is.</param>
    /// <exception cref="FramingException">These bytes are the beginning of no frame. They stay so, whatever follows.</exception>
    public abstract bool TryRead(ref ReadOnlySequence<byte> input, ref long seen, out ReadOnlySequence<byte> frame);

    /// <summary>The same for bytes that are all there. Where they come in pieces, formats that look for an end look at all of them again at each call.</summary>
    /// <exception cref="FramingException">These bytes are the beginning of no frame.</exception>
    public bool TryRead(ref ReadOnlySequence<byte> input, out ReadOnlySequence<byte> frame)
    {
        long seen = 0;
        return TryRead(ref input, ref seen, out frame);
    }

    /// <summary>Writes <paramref name="frame"/> and what the format puts around it.</summary>
    /// <exception cref="FramingException"><see cref="FramingError.CannotEncode"/>: it would not be read as this frame. Nothing was written.</exception>
    public void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> frame)
    {
        ArgumentNullException.ThrowIfNull(output);
        CheckLength(frame.Length);
        WriteFrame(output, frame);
    }

    /// <inheritdoc cref="Write(IBufferWriter{byte}, ReadOnlySpan{byte})"/>
    public void Write(IBufferWriter<byte> output, in ReadOnlySequence<byte> frame)
    {
        if (frame.IsSingleSegment)
        {
            Write(output, frame.FirstSpan);
            return;
        }

        // A copy in one piece, of at most the maximum: no format then looks for its delimiter across pieces when it writes.
        CheckLength(frame.Length);
        int length = (int)frame.Length;
        byte[] whole = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            frame.CopyTo(whole);
            Write(output, whole.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(whole);
        }
    }

    /// <summary>Writes a frame of at most <see cref="MaxFrame"/> bytes. Throws <see cref="FramingError.CannotEncode"/> before it writes anything.</summary>
    protected abstract void WriteFrame(IBufferWriter<byte> output, ReadOnlySpan<byte> frame);

    /// <summary>The error of a frame that is longer than <see cref="MaxFrame"/>.</summary>
    private protected FramingException TooLong() =>
        new(FramingError.TooLong, $"a frame is longer than {MaxFrame} bytes; the peer sends something else, or the maximum is to be raised");

    /// <summary>The first bytes of <paramref name="input"/>, as many as there are and <paramref name="space"/> has: where they lie if that is one piece, else copied.</summary>
    private protected static ReadOnlySpan<byte> Beginning(in ReadOnlySequence<byte> input, Span<byte> space)
    {
        ReadOnlySpan<byte> first = input.FirstSpan;
        if (first.Length >= space.Length)
        {
            return first[..space.Length];
        }

        if (first.Length == input.Length)
        {
            return first;
        }

        int length = (int)Math.Min(input.Length, space.Length);
        input.Slice(0, length).CopyTo(space);
        return space[..length];
    }

    private void CheckLength(long length)
    {
        if (length > MaxFrame)
        {
            throw new FramingException(FramingError.CannotEncode, $"a frame of {length} bytes cannot be written: the most is {MaxFrame}; send less, or raise the maximum");
        }
    }
}
