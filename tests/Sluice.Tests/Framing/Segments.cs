using System.Buffers;

namespace Sluice.Tests.Framing;

/// <summary>Bytes in as many pieces as a test wants, empty ones among them.</summary>
internal sealed class Segments : ReadOnlySequenceSegment<byte>
{
    private Segments(ReadOnlyMemory<byte> memory, Segments? before)
    {
        Memory = memory;
        if (before is not null)
        {
            before.Next = this;
            RunningIndex = before.RunningIndex + before.Memory.Length;
        }
    }

    /// <summary>bytes[from..to], cut at those of <paramref name="cuts"/> that lie in it; one that comes twice makes an empty segment.</summary>
    public static ReadOnlySequence<byte> Of(byte[] bytes, int from, int to, int[] cuts)
    {
        int[] inside = [.. cuts.Where(cut => cut >= from && cut <= to).Order()];
        if (inside.Length == 0)
        {
            return new(bytes, from, to - from);
        }

        Segments? first = null;
        Segments? last = null;
        foreach (int cut in (int[])[.. inside, to])
        {
            // Arrays of their own: nothing may read across the edge.
            last = new Segments(bytes.AsSpan(from..cut).ToArray(), last);
            first ??= last;
            from = cut;
        }

        return new(first!, 0, last!, last!.Memory.Length);
    }

    /// <summary>All of <paramref name="bytes"/>, in segments of <paramref name="size"/>.</summary>
    public static ReadOnlySequence<byte> Of(byte[] bytes, int size) =>
        Of(bytes, 0, bytes.Length, [.. Enumerable.Range(1, Math.Max(0, (bytes.Length - 1) / size)).Select(index => index * size)]);
}
