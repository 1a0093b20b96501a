using System.Buffers;
using Sluice.Framing;

namespace Sluice.Tests.Framing;

/// <summary>What a format makes of bytes: the frames, and how it ended. Two are compared by their text.</summary>
internal sealed class Decoded
{
    public List<byte[]> Frames { get; } = [];

    /// <summary>The error; null where more bytes might come.</summary>
    public FramingError? Error { get; private set; }

    /// <summary>Bytes that are the beginning of a frame.</summary>
    public int Left { get; private set; }

    /// <summary>How many bytes had come when the error was known.</summary>
    public int Arrived { get; private set; }

    /// <summary>Decodes <paramref name="bytes"/> that come in pieces, up to each of <paramref name="arrivals"/>, and lie in segments that end at <paramref name="cuts"/>.</summary>
    public static Decoded Of(FrameFormat format, byte[] bytes, int[]? arrivals = null, int[]? cuts = null)
    {
        var decoded = new Decoded();
        int at = 0;
        long seen = 0;
        foreach (int arrived in Points(arrivals, bytes.Length))
        {
            decoded.Arrived = arrived;
            ReadOnlySequence<byte> input = Segments.Of(bytes, at, arrived, cuts ?? []);
            try
            {
                while (format.TryRead(ref input, ref seen, out ReadOnlySequence<byte> frame))
                {
                    seen = 0;
                    decoded.Frames.Add(frame.ToArray());
                }
            }
            catch (FramingException error)
            {
                decoded.Error = error.Reason;
                decoded.Left = -1;
                return decoded;
            }

            at = arrived - (int)input.Length;
        }

        decoded.Left = bytes.Length - at;
        return decoded;
    }

    public override string ToString() => $"{string.Join(' ', Frames.Select(Convert.ToHexString))} | {Error} {Left}";

    // In order, and the end.
    private static IEnumerable<int> Points(int[]? arrivals, int end) => (arrivals ?? []).Where(point => point < end).Order().Append(end);
}
