using System.Buffers;

namespace Sluice.Framing;

/// <summary>How a line ends.</summary>
public enum LineEnding
{
    /// <summary>LF (0A), as Unix has it.</summary>
    Lf,

    /// <summary>CR LF (0D 0A), as the protocols of the Internet have it (RFC 5234, CRLF).</summary>
    CrLf,
}

/// <summary>
/// Lines. The end is no part of the frame; a line may be empty. Reads LF and CR LF alike, unless it is strict. A stream whose last line has no end is
/// <see cref="FramingError.Truncated"/>.
/// </summary>
public sealed class LineFraming : FrameFormat
{
    private const byte Lf = (byte)'\n';
    private const byte Cr = (byte)'\r';

    private readonly LineEnding _ending;
    private readonly bool _strict;

    /// <summary>Creates the format.</summary>
    /// <param name="ending">What is written behind each line. Defaults to LF.</param>
    /// <param name="strict">Whether only that is read. With LF a CR then belongs to the line. With CR LF one without the other is
    /// <see cref="FramingError.Malformed"/>: two programs that disagree about lone ones can be made to see different messages. Defaults to false.</param>
    /// <param name="maxFrame">The most bytes of a line, without its end. Defaults to 64 KiB.</param>
    public LineFraming(LineEnding ending = LineEnding.Lf, bool strict = false, int maxFrame = DefaultMaxFrame)
        : base(maxFrame)
    {
        if (ending is not (LineEnding.Lf or LineEnding.CrLf))
        {
            throw new ArgumentOutOfRangeException(nameof(ending));
        }

        (_ending, _strict) = (ending, strict);
    }

    /// <inheritdoc/>
    public override bool TryRead(ref ReadOnlySequence<byte> input, ref long seen, out ReadOnlySequence<byte> frame) =>
        _strict && _ending == LineEnding.CrLf ? TryReadStrict(ref input, ref seen, out frame) : TryReadToLf(ref input, ref seen, out frame);

    /// <inheritdoc/>
    protected override void WriteFrame(IBufferWriter<byte> output, ReadOnlySpan<byte> frame)
    {
        if (_strict && _ending == LineEnding.CrLf ? frame.ContainsAny(Cr, Lf) : frame.Contains(Lf))
        {
            throw new FramingException(FramingError.CannotEncode, "a line that has the end of a line inside cannot be written; send it as two, or encode it");
        }

        if (!_strict && _ending == LineEnding.Lf && frame is [.., Cr])
        {
            throw new FramingException(FramingError.CannotEncode, "a line that ends with CR cannot be written with LF behind it: it would be read without; end lines with CR LF, or be strict");
        }

        output.Write(frame);
        output.Write(_ending == LineEnding.Lf ? "\n"u8 : "\r\n"u8);
    }

    private bool TryReadToLf(ref ReadOnlySequence<byte> input, ref long seen, out ReadOnlySequence<byte> frame)
    {
        // An LF behind the longest line and its CR comes too late.
        long to = Math.Min(input.Length, MaxFrame + (_strict ? 1L : 2L));
        long lf = SequenceSearch.IndexOf(input, seen, to, "\n"u8);
        if (lf < 0)
        {
            seen = to;
            frame = default;
            return to <= MaxFrame + (_strict ? 0L : 1L) ? false : throw TooLong();
        }

        long length = !_strict && lf > 0 && SequenceSearch.At(input, lf - 1) == Cr ? lf - 1 : lf;
        if (length > MaxFrame)
        {
            throw TooLong();
        }

        return Take(ref input, ref seen, length, lf + 1, out frame);
    }

    private bool TryReadStrict(ref ReadOnlySequence<byte> input, ref long seen, out ReadOnlySequence<byte> frame)
    {
        frame = default;
        long to = Math.Min(input.Length, MaxFrame + 1L);
        long end = SequenceSearch.IndexOfAny(input, seen, to, "\r\n"u8);
        seen = end < 0 ? to : end;
        if (end < 0)
        {
            return to <= MaxFrame ? false : throw TooLong();
        }

        if (SequenceSearch.At(input, end) == Lf)
        {
            throw new FramingException(FramingError.Malformed, "a line has LF without CR; lines end with CR LF here");
        }

        if (end + 1 == input.Length)
        {
            return false;
        }

        return SequenceSearch.At(input, end + 1) == Lf
            ? Take(ref input, ref seen, end, end + 2, out frame)
            : throw new FramingException(FramingError.Malformed, "a line has CR without LF; lines end with CR LF here");
    }

    private static bool Take(ref ReadOnlySequence<byte> input, ref long seen, long length, long next, out ReadOnlySequence<byte> frame)
    {
        frame = input.Slice(0, length);
        input = input.Slice(next);
        seen = 0;
        return true;
    }
}
