using System.Buffers;

namespace Sluice.Framing;

/// <summary>Frames of one size, and nothing between them.</summary>
/// <param name="size">The bytes of each frame; at least 1. It is <see cref="FrameFormat.MaxFrame"/>, too.</param>
public sealed class FixedSizeFraming(int size) : FrameFormat(size)
{
    /// <inheritdoc/>
    public override bool TryRead(ref ReadOnlySequence<byte> input, ref long seen, out ReadOnlySequence<byte> frame)
    {
        if (input.Length < MaxFrame)
        {
            frame = default;
            return false;
        }

        frame = input.Slice(0, MaxFrame);
        input = input.Slice(MaxFrame);
        return true;
    }

    /// <inheritdoc/>
    protected override void WriteFrame(IBufferWriter<byte> output, ReadOnlySpan<byte> frame)
    {
        if (frame.Length != MaxFrame)
        {
            throw new FramingException(FramingError.CannotEncode, $"a frame of {frame.Length} bytes cannot be written: each has {MaxFrame}");
        }

        output.Write(frame);
    }
}
