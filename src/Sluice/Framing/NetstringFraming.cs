using System.Buffers;
using System.Buffers.Text;

namespace Sluice.Framing;

/// <summary>
/// Netstrings: the length in decimal, a colon, the bytes, a comma (D. J. Bernstein, https://cr.yp.to/proto/netstrings.txt). Strict: no leading zeros, no digit more
/// than the maximum needs, nothing but a comma behind.
/// </summary>
/// <param name="maxFrame">The most bytes of a frame, without what is around it. Defaults to 64 KiB.</param>
public sealed class NetstringFraming(int maxFrame = FrameFormat.DefaultMaxFrame) : FrameFormat(maxFrame)
{
    private const int LongestHeader = 11; // ten digits of an int, and the colon

    /// <inheritdoc/>
    public override bool TryRead(ref ReadOnlySequence<byte> input, ref long seen, out ReadOnlySequence<byte> frame)
    {
        frame = default;
        Span<byte> space = stackalloc byte[LongestHeader];
        if (!TryParse(Beginning(input, space), out int length, out int header))
        {
            return false;
        }

        long comma = (long)header + length;
        if (input.Length <= comma)
        {
            return false;
        }

        if (SequenceSearch.At(input, comma) != ',')
        {
            throw new FramingException(FramingError.Malformed, "a netstring has no comma behind its bytes");
        }

        frame = input.Slice(header, length);
        input = input.Slice(comma + 1);
        return true;
    }

    /// <inheritdoc/>
    protected override void WriteFrame(IBufferWriter<byte> output, ReadOnlySpan<byte> frame)
    {
        Span<byte> header = stackalloc byte[LongestHeader];
        Utf8Formatter.TryFormat(frame.Length, header, out int digits);
        header[digits] = (byte)':';
        output.Write(header[..(digits + 1)]);
        output.Write(frame);
        output.Write(","u8);
    }

    // The length, and how many bytes it takes with its colon. False: they are not all there.
    private bool TryParse(ReadOnlySpan<byte> input, out int length, out int header)
    {
        long value = 0;
        for (int i = 0; i < input.Length; i++)
        {
            byte next = input[i];
            if (next == ':' && i > 0)
            {
                (length, header) = ((int)value, i + 1);
                return true;
            }

            if (!char.IsAsciiDigit((char)next))
            {
                throw new FramingException(FramingError.Malformed, "a netstring does not begin with a length and a colon");
            }

            if (i > 0 && value == 0)
            {
                throw new FramingException(FramingError.Malformed, "the length of a netstring has a leading zero");
            }

            value = (value * 10) + (next - '0');
            if (value > MaxFrame)
            {
                throw TooLong();
            }
        }

        (length, header) = (0, 0);
        return false;
    }
}
