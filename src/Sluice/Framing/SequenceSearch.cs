using System.Buffers;

namespace Sluice.Framing;

/// <summary>IndexOf, over a sequence: the first place at or behind <c>from</c> and before <c>to</c>, or -1.</summary>
internal static class SequenceSearch
{
    public static long IndexOfAny(in ReadOnlySequence<byte> input, long from, long to, ReadOnlySpan<byte> values)
    {
        ReadOnlySequence<byte> part = input.Slice(from, to - from);
        if (part.IsSingleSegment)
        {
            return At(from, part.FirstSpan.IndexOfAny(values));
        }

        var reader = new SequenceReader<byte>(part);
        return reader.TryAdvanceToAny(values, advancePastDelimiter: false) ? from + reader.Consumed : -1;
    }

    /// <summary>Where <paramref name="value"/>, all of it before <paramref name="to"/>, begins.</summary>
    public static long IndexOf(in ReadOnlySequence<byte> input, long from, long to, ReadOnlySpan<byte> value)
    {
        ReadOnlySequence<byte> part = input.Slice(from, to - from);
        if (part.IsSingleSegment)
        {
            return At(from, part.FirstSpan.IndexOf(value));
        }

        var reader = new SequenceReader<byte>(part);
        return reader.TryReadTo(out ReadOnlySequence<byte> before, value) ? from + before.Length : -1;
    }

    public static byte At(in ReadOnlySequence<byte> input, long index) => input.Slice(index, 1).FirstSpan[0];

    private static long At(long from, int index) => index < 0 ? -1 : from + index;
}
