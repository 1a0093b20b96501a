using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace Sluice.Framing;

/// <summary>
/// Reads frames from a pipe. They stay in the pipe's own memory: at most one unfinished frame is kept, so the pipe's limit (<see cref="ServerLimits.MaxUnread"/>, 1 MiB)
/// must be more than the format's maximum and what it puts around. For one reader at a time, and nobody else reads from the pipe meanwhile.
/// </summary>
public sealed class FrameReader
{
    private readonly FrameFormat _format;
    private ReadOnlySequence<byte> _unread; // lent by the pipe while _holds
    private long _seen;
    private bool _holds;
    private bool _ended;

    /// <summary>Reads frames of <paramref name="format"/> from <paramref name="input"/>.</summary>
    public FrameReader(PipeReader input, FrameFormat format)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(format);
        (Input, _format) = (input, format);
    }

    /// <summary>The frame that the last read has found; empty when it has found none. Its bytes are valid until the next <see cref="ReadAsync"/>.</summary>
    public ReadOnlySequence<byte> Frame { get; private set; }

    internal PipeReader Input { get; }

    /// <summary>Reads the next <see cref="Frame"/>. False: the stream has ended, and not inside a frame.</summary>
    /// <exception cref="FramingException">What came is no frame, or the end came inside one. To read on is of no use: it throws again.</exception>
    /// <exception cref="OperationCanceledException">By the token, or by <see cref="PipeReader.CancelPendingRead"/>. Nothing is lost: read again.</exception>
    // The box of a read that waits is used again, so that a request which is waited for costs no allocation.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadAsync(CancellationToken cancellation = default)
    {
        while (!TryRead())
        {
            if (IsAtEnd())
            {
                return false;
            }

            LetGo();
            if (Take(await Input.ReadAsync(cancellation)))
            {
                throw new OperationCanceledException("The read was cancelled by CancelPendingRead.");
            }
        }

        return true;
    }

    /// <summary>Goes on to the next <see cref="Frame"/> if all of it came with what the last <see cref="ReadAsync"/> has read; never waits and never asks the pipe.</summary>
    /// <exception cref="FramingException">What came is no frame.</exception>
    public bool TryRead()
    {
        Frame = default;
        if (_holds && _format.TryRead(ref _unread, ref _seen, out ReadOnlySequence<byte> frame))
        {
            _seen = 0;
            Frame = frame;
            return true;
        }

        return false;
    }

    /// <summary>Takes what the pipe lends, until <see cref="LetGo"/>. Whether the read was cancelled.</summary>
    internal bool Take(in ReadResult read)
    {
        (_unread, _holds, _ended) = (read.Buffer, true, read.IsCompleted);
        return read.IsCanceled;
    }

    /// <summary>Whether the stream has ended. Only when <see cref="TryRead"/> has found no further frame.</summary>
    /// <exception cref="FramingException">It has ended inside a frame.</exception>
    internal bool IsAtEnd() => _holds && _ended && (_unread.IsEmpty ? true
        : throw new FramingException(FramingError.Truncated, $"the stream ended inside a frame, behind {_unread.Length} bytes of it"));

    /// <summary>Gives back what the pipe has lent: what was read as frames is consumed, and the rest was examined, so that the next read brings more.</summary>
    internal void LetGo()
    {
        if (_holds)
        {
            Input.AdvanceTo(_unread.Start, _unread.End);
            (_unread, _holds) = (default, false); // an idle connection points to no buffer
            Frame = default;
        }
    }
}
