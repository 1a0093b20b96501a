using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Sluice.Native;

namespace Sluice.Connections;

/// <summary>
/// A PipeReader straight on the socket: one contiguous buffer, which is lent to the handler between a read and its AdvanceTo. It owns the
/// buffer and the marks; how a receive waits is the derived reader's business.
/// </summary>
internal abstract class DirectPipeReader<TConnection>(TConnection connection) : PipeReader
    where TConnection : StreamConnection
{
    /// <summary>The first size of a reader that adapts.</summary>
    protected const int SmallestBuffer = 4096;

    private const int LargestBuffer = 256 * 1024;

    // Rented (Rent, Return); null while nothing is buffered. Unread bytes are [_start, _end), those up to _examined were looked at.
    private byte[]? _buffer;
    private int _start;
    private int _end;
    private int _examined;
    private bool _lent;
    private bool _completed;
    private int _cancelled;

    protected TConnection Connection { get; } = connection;

    /// <summary>No more bytes will come: FIN, or the connection ended.</summary>
    protected bool Ended { get; set; }

    /// <summary>How large the next buffer is to be, in bytes.</summary>
    protected abstract int NextSize { get; set; }

    public bool HasUnread => _end > _start;

    protected bool CancelRequested => Volatile.Read(ref _cancelled) != 0;

    public sealed override void AdvanceTo(SequencePosition consumed)
    {
        if (_lent && _end > _start && consumed.GetInteger() == _end && ReferenceEquals(consumed.GetObject(), _buffer))
        {
            _lent = false; // everything: the usual case
            _start = _end = _examined = 0;
            Emptied();
        }
        else
        {
            AdvanceTo(consumed, consumed);
        }
    }

    public sealed override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (!_lent)
        {
            throw new InvalidOperationException("AdvanceTo needs a read that has returned a buffer.");
        }

        int start = Mark(consumed);
        int seen = Math.Max(Mark(examined), start);
        _lent = false;
        if (start == _end)
        {
            _start = _end = _examined = 0;
            if (_buffer is not null)
            {
                Emptied();
            }
        }
        else
        {
            _start = start;
            _examined = seen;
        }
    }

    public sealed override bool TryRead(out ReadResult result)
    {
        CheckReadable();
        if (TakeCancel())
        {
            result = Lend(isCanceled: true);
            return true;
        }

        if (_end > _examined || Ended)
        {
            result = Lend();
            return true;
        }

        result = default;
        return false;
    }

    public override void CancelPendingRead() => Interlocked.Exchange(ref _cancelled, 1);

    public override void Complete(Exception? exception = null)
    {
        if (!_completed)
        {
            _completed = true;
            if (exception is not null)
            {
                Connection.Abort();
            }

            // What is lent stays the handler's until it lets go, or has ended.
            if (!_lent)
            {
                ReturnBuffer();
            }
        }
    }

    /// <summary>Whether bytes that were not examined, or the end, are at hand: a read then need not touch the socket.</summary>
    protected bool HasResult => _end > _examined || Ended;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void CheckReadable()
    {
        if (_lent | _completed)
        {
            throw new InvalidOperationException(_completed ? "The reader was completed." : "A read is under way: call AdvanceTo before the next.");
        }
    }

    /// <summary>Takes back what the handler still holds, and drops it; a reader that was completed drops on. Only once the handler has ended.</summary>
    protected void DropUnread()
    {
        _lent = _completed = false;
        _start = _end = _examined = 0;
    }

    /// <summary>Takes a pending cancellation, once.</summary>
    protected bool TakeCancel() => Volatile.Read(ref _cancelled) != 0 && Interlocked.Exchange(ref _cancelled, 0) != 0;

    /// <summary>Lends what is unread.</summary>
    protected ReadResult Lend(bool isCanceled = false)
    {
        _lent = true;
        return new ReadResult(_end > _start ? new ReadOnlySequence<byte>(_buffer!, _start, _end - _start) : default, isCanceled, Ended);
    }

    /// <summary>Where the next bytes go; empty when the unread buffer has reached its limit. Nothing is lent while this is used.</summary>
    protected Span<byte> Space()
    {
        int unread = _end - _start;
        int allowed = Connection.Settings.MaxUnread - unread;
        if (allowed <= 0)
        {
            return [];
        }

        if (_buffer is null && unread == 0)
        {
            Begin(Rent(NextSize)); // nothing is unread: the usual case
        }
        else if (_buffer is null || _end == _buffer.Length || (unread == 0 && _buffer.Length != NextSize))
        {
            MakeRoom(unread);
        }

        Span<byte> space = _buffer.AsSpan(_end);
        return space.Length <= allowed ? space : space[..allowed];
    }

    /// <summary>Takes <paramref name="count"/> bytes of the last <see cref="Space"/>, which was <paramref name="room"/> long, as received.</summary>
    /// <returns>Whether they filled it, so that more may be waiting in the kernel.</returns>
    protected bool Received(int count, int room)
    {
        Append(count);
        if (count < room)
        {
            if (count < _buffer!.Length / 8 && _buffer.Length > SmallestBuffer)
            {
                NextSize = _buffer.Length / 2; // the bulk is over: give the memory back, step by step
            }

            return false;
        }

        NextSize = Math.Min(_buffer!.Length * 2, LargestBuffer); // the sender is ahead of us: fewer, larger receives
        return true;
    }

    /// <summary>Takes <paramref name="count"/> bytes of the last <see cref="Space"/> as received; the size of the next buffer stays.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void Append(int count)
    {
        _examined = _start == _end ? _start : _examined;
        _end += count;
    }

    /// <summary>Whether there is no buffer, and so nothing unread.</summary>
    protected bool IsEmptyHanded => _buffer is null;

    /// <summary>Receives into <paramref name="buffer"/> from now on, which holds <paramref name="count"/> bytes already. Only empty-handed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void Begin(byte[] buffer, int count = 0)
    {
        _buffer = buffer;
        _start = _examined = 0;
        _end = count;
    }

    /// <summary>
    /// No bytes came and none will: FIN, a reset, or an end of our own making. A reset with nothing unread completes the reader and leaves its
    /// reason in <see cref="IConnectionCloseReason"/>: an exception per reset costs 3 µs and a kilobyte, and tells nothing more.
    /// </summary>
    protected void ReceiveEnded(SocketResult got)
    {
        Ended = true;
        if (got.Succeeded)
        {
            Connection.PeerFinished = Connection.CloseReason == CloseReason.None;
        }
        else if (got.Error == NativeError.WouldBlock)
        {
            Connection.End(CloseReason.Drained); // the server drains, and nothing is in flight
        }
        else if (got.Error == NativeError.TooManyReferences)
        {
            Connection.End(CloseReason.DescriptorLimit);
            throw Connection.EndedException();
        }
        else if (Connection.End(CloseReason.PeerReset) && HasUnread)
        {
            throw Connection.EndedException();
        }
    }

    /// <summary>Gives the buffer back when nothing is unread, so that a connection that waits holds none.</summary>
    protected void ReleaseIfEmpty()
    {
        if (_start == _end && _buffer is not null)
        {
            ReturnBuffer();
        }
    }

    /// <summary>Moves few unread bytes out of a large buffer before a wait, so that the large one can serve others.</summary>
    protected void Shrink()
    {
        int unread = _end - _start;
        if (_buffer is { } large && unread < large.Length / 4 && large.Length > SmallestBuffer)
        {
            byte[] small = RentSmall(Math.Max(unread * 2, SmallestBuffer));
            large.AsSpan(_start, unread).CopyTo(small);
            Return(large);
            _buffer = small;
            _examined -= _start;
            _start = 0;
            _end = unread;
        }
    }

    protected virtual byte[] Rent(int least) => ArrayPool<byte>.Shared.Rent(least);

    /// <summary>The same for few bytes that stay unread while a read waits.</summary>
    protected virtual byte[] RentSmall(int least) => ArrayPool<byte>.Shared.Rent(least);

    protected virtual void Return(byte[] buffer) => ArrayPool<byte>.Shared.Return(buffer);

    /// <summary>The handler has consumed everything, and the buffer is still here.</summary>
    protected virtual void Emptied()
    {
    }

    /// <summary>Takes the buffer out, to be returned. Only while there is one.</summary>
    protected byte[] TakeBuffer()
    {
        byte[] buffer = _buffer!;
        _buffer = null;
        return buffer;
    }

    // Positions come from the sequence that was lent: the array and an index in it, or nothing for an empty one.
    private int Mark(SequencePosition position)
    {
        if (position.GetObject() is null && _start == _end)
        {
            return _start;
        }

        int index = position.GetInteger();
        if (!ReferenceEquals(position.GetObject(), _buffer) || index < _start || index > _end)
        {
            throw new ArgumentOutOfRangeException(nameof(position), "The position is not one of the buffer that was read.");
        }

        return index;
    }

    private void MakeRoom(int unread)
    {
        if (_buffer is not null && _start > _buffer.Length / 2)
        {
            // Moving less than half costs less than a larger buffer.
            _buffer.AsSpan(_start, unread).CopyTo(_buffer);
        }
        else
        {
            byte[] larger = Rent(Math.Max(NextSize, unread * 2));
            _buffer?.AsSpan(_start, unread).CopyTo(larger);
            ReturnBuffer();
            _buffer = larger;
        }

        _examined -= _start;
        _start = 0;
        _end = unread;
    }

    private void ReturnBuffer()
    {
        if (_buffer is not null)
        {
            Return(TakeBuffer());
        }
    }
}
