using System.Buffers;
using System.IO.Pipelines;

namespace Sluice.Framing;

/// <summary>Writes frames to a pipe. For one writer at a time, as the pipe is.</summary>
public sealed class FrameWriter
{
    private readonly PipeWriter _output;
    private readonly FrameFormat _format;

    /// <summary>Writes frames of <paramref name="format"/> to <paramref name="output"/>.</summary>
    public FrameWriter(PipeWriter output, FrameFormat format)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(format);
        (_output, _format) = (output, format);
    }

    /// <summary>Copies a frame into the pipe's memory; the next flush sends it. Several frames before one flush are one send.</summary>
    /// <exception cref="FramingException"><see cref="FramingError.CannotEncode"/>: the format cannot carry it. Nothing was written.</exception>
    public void Write(ReadOnlySpan<byte> frame) => _format.Write(_output, frame);

    /// <inheritdoc cref="Write(ReadOnlySpan{byte})"/>
    public void Write(in ReadOnlySequence<byte> frame) => _format.Write(_output, frame);

    /// <summary>Sends what was written.</summary>
    public ValueTask<FlushResult> FlushAsync(CancellationToken cancellation = default) => _output.FlushAsync(cancellation);

    /// <summary>Writes a frame and sends it.</summary>
    /// <exception cref="FramingException"><see cref="FramingError.CannotEncode"/>: the format cannot carry it. Nothing was written.</exception>
    public ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellation = default)
    {
        Write(frame.Span);
        return FlushAsync(cancellation);
    }
}
