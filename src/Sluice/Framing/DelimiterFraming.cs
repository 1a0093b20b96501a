using System.Buffers;

namespace Sluice.Framing;

/// <summary>Frames that end with a delimiter, any bytes, which is no part of them. A frame may be empty.</summary>
public sealed class DelimiterFraming : FrameFormat
{
    private readonly byte[] _delimiter;

    /// <summary>Creates the format. The delimiter is copied.</summary>
    /// <param name="delimiter">The bytes behind each frame; at least one.</param>
    /// <param name="maxFrame">The most bytes of a frame, without its delimiter. Defaults to 64 KiB.</param>
    public DelimiterFraming(ReadOnlySpan<byte> delimiter, int maxFrame = DefaultMaxFrame)
        : base(maxFrame)
    {
        if (delimiter.IsEmpty)
        {
            throw new ArgumentException("A delimiter has at least one byte.", nameof(delimiter));
        }

        _delimiter = delimiter.ToArray();
    }

    /// <inheritdoc/>
    public override bool TryRead(ref ReadOnlySequence<byte> input, ref long seen, out ReadOnlySequence<byte> frame)
    {
        // A delimiter that begins behind the longest frame comes too late.
        long most = (long)MaxFrame + _delimiter.Length;
        long to = Math.Min(input.Length, most);
        long end = SequenceSearch.IndexOf(input, seen, to, _delimiter);
        if (end < 0)
        {
            seen = Math.Max(0, to - (_delimiter.Length - 1)); // its beginning may be there
            frame = default;
            return to < most ? false : throw TooLong();
        }

        frame = input.Slice(0, end);
        input = input.Slice(end + _delimiter.Length);
        seen = 0;
        return true;
    }

    /// <inheritdoc/>
    protected override void WriteFrame(IBufferWriter<byte> output, ReadOnlySpan<byte> frame)
    {
        if (frame.IndexOf(_delimiter) >= 0 || EndsInside(frame))
        {
            throw new FramingException(FramingError.CannotEncode, "a frame that has the delimiter inside cannot be written; encode it, or use a length prefix");
        }

        output.Write(frame);
        output.Write(_delimiter);
    }

    // Whether a delimiter begins in the frame and ends in the one behind it, as that of "a" does where the delimiter is "aa".
    private bool EndsInside(ReadOnlySpan<byte> frame)
    {
        ReadOnlySpan<byte> delimiter = _delimiter;
        for (int inside = Math.Min(delimiter.Length - 1, frame.Length); inside > 0; inside--)
        {
            if (frame.EndsWith(delimiter[..inside]) && delimiter.StartsWith(delimiter[inside..]))
            {
                return true;
            }
        }

        return false;
    }
}
