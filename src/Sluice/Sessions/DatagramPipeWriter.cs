using System.Buffers;
using System.IO.Pipelines;

namespace Sluice.Sessions;

/// <summary>A PipeWriter of datagrams: what was written since the last flush is sent as one. It is its handler's; a session that writes nothing holds no memory.</summary>
internal sealed class DatagramPipeWriter(DatagramSession session) : PipeWriter
{
    private const int SmallestChunk = 2048; // what a datagram that is not fragmented needs

    // Rented; null while nothing is unflushed. [0, _used) is.
    private byte[]? _chunk;
    private int _used;
    private bool _isCompleted;
    private int _cancelled;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _used;

    public override Memory<byte> GetMemory(int sizeHint = 0) => MakeRoom(sizeHint).AsMemory(_used);

    public override Span<byte> GetSpan(int sizeHint = 0) => MakeRoom(sizeHint).AsSpan(_used);

    public override void Advance(int bytes)
    {
        if ((uint)bytes > (uint)((_chunk?.Length ?? 0) - _used))
        {
            throw new ArgumentOutOfRangeException(nameof(bytes), "Advance needs at most the memory that was lent.");
        }

        _used += bytes;
    }

    /// <summary>Sends what was written as one datagram, or drops it: nothing of it is sent by a later flush. Never waits.</summary>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        CheckWritable();
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<FlushResult>(cancellationToken);
        }

        if (_used > 0 && Error() is { } error)
        {
            return ValueTask.FromException<FlushResult>(error);
        }

        return new(new FlushResult(Volatile.Read(ref _cancelled) != 0 && Interlocked.Exchange(ref _cancelled, 0) != 0, isCompleted: false));
    }

    public override void CancelPendingFlush() => Interlocked.Exchange(ref _cancelled, 1);

    /// <summary>Sends what was written, and ends the session. With an exception: aborts it.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (_isCompleted)
        {
            return;
        }

        if (exception is null)
        {
            SendRest();
        }

        Release();
        session.End(exception is null ? CloseReason.Completed : CloseReason.Aborted);
    }

    /// <summary>Sends what the handler has left unflushed. What cannot be sent is counted.</summary>
    public void SendRest()
    {
        if (_used > 0 && Error() is not null)
        {
            session.CountNotSent();
        }
    }

    /// <summary>Nothing more is written: gives the memory back.</summary>
    public void Release()
    {
        _isCompleted = true;
        Drop();
    }

    // Sends, and says why not.
    private Exception? Error()
    {
        int length = _used;
        SendOutcome outcome = session.Send(_chunk.AsSpan(0, length));
        Drop();
        return outcome switch
        {
            SendOutcome.Ended => session.EndedException(),
            SendOutcome.TooLong => new SluiceException(ErrorIds.DatagramTooLong,
                $"{length} bytes were written since the last flush, and a datagram has at most {DatagramSession.MostBytes}; flush more often"),
            SendOutcome.OverBudget => new SluiceException(ErrorIds.AmplificationLimit,
                $"a datagram of {length} bytes was not sent: the peer has not proved its address, and would be sent more than came from it; answer with less, or prove the address first"),
            _ => null,
        };
    }

    private void Drop()
    {
        _used = 0;
        if (_chunk is { } chunk)
        {
            _chunk = null;
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    private void CheckWritable()
    {
        if (_isCompleted)
        {
            throw new InvalidOperationException("The writer was completed.");
        }
    }

    // The chunk, with room for so much from _used on: a datagram is one piece.
    private byte[] MakeRoom(int sizeHint)
    {
        CheckWritable();
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        int needed = _used + Math.Max(sizeHint, 1);
        if (_chunk is null || _chunk.Length < needed)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, SmallestChunk));
            if (_chunk is { } chunk)
            {
                chunk.AsSpan(0, _used).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(chunk);
            }

            _chunk = larger;
        }

        return _chunk;
    }
}
