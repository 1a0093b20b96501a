using System.Buffers;
using System.IO.Pipelines;

namespace Sluice.Sessions;

/// <summary>
/// A PipeReader of datagrams. A read gives what is left of the oldest one; the next one comes with it only when all of that was examined and not all of it
/// consumed. Everything is under the session's gate, and no handler is ever resumed inside it.
/// </summary>
internal sealed partial class DatagramPipeReader(DatagramSession session) : PipeReader
{
    private readonly Lock _gate = session.Gate;

    // The oldest is [_start, Length) of its buffer; _seen when all of it was examined. _held counts the buffers.
    private DatagramQueue _queue;
    private int _start;
    private bool _seen;
    private int _held;

    private Lending _lending;
    private bool _isCancelled;
    private bool _isCompleted;
    private bool _hasEnded;
    private long _dropped;

    private enum Lending
    {
        None,
        Nothing,
        Oldest,
    }

    /// <summary>Datagrams that were dropped here. From any thread.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    private bool CanLend => _queue.Count > (_seen ? 1 : 0) || _hasEnded || _isCancelled;

    private DatagramSessionOptions Options => session.Owner.Options;

    /// <summary>Takes a copy of a datagram that has come. From any thread.</summary>
    public Receipt Take(ReadOnlySpan<byte> payload)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return Receipt.Ended;
            }

            byte[] buffer = payload.IsEmpty ? [] : ArrayPool<byte>.Shared.Rent(payload.Length);
            bool isFull = _queue.Count >= Options.MaxQueuedDatagrams || _held + buffer.Length > Options.MaxQueuedBytes;
            if (_isCompleted || isFull || !TryHold(buffer.Length, hasUnread: _queue.Count > 0))
            {
                GiveBack(buffer);
                CountDropped(1);
                return isFull && _stage == Stage.Waiting && _queue.Count > 0 ? Receipt.UnreadLimit : Receipt.Dropped;
            }

            payload.CopyTo(buffer);
            _queue.Add(buffer, payload.Length);
            session.CountReceived(payload.Length);
            return Wake() ? Receipt.Awaited : Receipt.Kept;
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellationToken);
        }

        bool waits;
        lock (_gate)
        {
            CheckReadable();
            waits = !CanLend;
            if (waits)
            {
                BeginWait();
            }
            else if (TryLend(out ReadResult result))
            {
                return new(result);
            }
        }

        if (!waits)
        {
            return new(EndFull());
        }

        if (cancellationToken.CanBeCanceled)
        {
            _registration = cancellationToken.UnsafeRegister(static (reader, token) => ((DatagramPipeReader)reader!).Cancel(token), this);
        }

        return new(this, _core.Version); // nobody can take its result, and begin another, before it is returned here
    }

    public override bool TryRead(out ReadResult result)
    {
        lock (_gate)
        {
            CheckReadable();
            if (!CanLend)
            {
                result = default;
                return false;
            }

            if (TryLend(out result))
            {
                return true;
            }
        }

        result = EndFull();
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        lock (_gate)
        {
            if (_lending == Lending.None)
            {
                throw new InvalidOperationException("AdvanceTo needs a read that has returned a buffer.");
            }

            if (_lending == Lending.Nothing)
            {
                _lending = Lending.None;
                return;
            }

            int length = _queue.First.Length;
            int start = Mark(consumed);
            int seen = Math.Max(Mark(examined), start);
            _lending = Lending.None;
            if (start == length || _hasEnded || _isCompleted)
            {
                Remove();
            }
            else
            {
                (_start, _seen) = (start, seen == length);
            }
        }
    }

    public override void CancelPendingRead()
    {
        bool resume;
        lock (_gate)
        {
            _isCancelled = true;
            resume = Wake();
        }

        Resume(resume);
    }

    public override void Complete(Exception? exception = null)
    {
        bool resume;
        lock (_gate)
        {
            _isCompleted = true;
            DropUnread();
            resume = Wake();
        }

        Resume(resume);
        if (exception is not null)
        {
            session.Abort();
        }
    }

    /// <summary>The session has ended: what is unread is dropped, what is lent stays the handler's. True: the handler waits, and the caller resumes it.</summary>
    public bool End()
    {
        lock (_gate)
        {
            _hasEnded = true;
            DropUnread();
            return Wake();
        }
    }

    /// <summary>If the handler waits and nothing is unread: nothing more is taken, and the caller ends the session.</summary>
    public bool TryEndWait()
    {
        lock (_gate)
        {
            if (_stage != Stage.Waiting || _queue.Count > 0)
            {
                return false;
            }

            _hasEnded = true;
            return true;
        }
    }

    /// <summary>The handler has ended: takes back what it still holds. A read that it left behind completes.</summary>
    public void Leave()
    {
        bool resume;
        lock (_gate)
        {
            _isCompleted = true;
            _lending = Lending.None;
            DropUnread();
            resume = Wake();
        }

        Resume(resume);
    }

    private void CheckReadable()
    {
        if (_isCompleted || _lending != Lending.None || _stage != Stage.None)
        {
            throw new InvalidOperationException(
                _isCompleted ? "The reader was completed." : "A read is under way: take its result and call AdvanceTo before the next.");
        }
    }

    // False: what was examined and what came next do not fit together into what may be unread.
    private bool TryLend(out ReadResult result)
    {
        if (_seen && _queue.Count > 1 && !_isCancelled && !TryJoin())
        {
            result = default;
            return false;
        }

        ReadOnlySequence<byte> bytes = default;
        _lending = Lending.Nothing;
        if (_queue.Count > 0)
        {
            (byte[] buffer, int length) = _queue.First;
            bytes = length > _start ? new ReadOnlySequence<byte>(buffer, _start, length - _start) : default;
            _lending = Lending.Oldest;
        }

        result = new ReadResult(bytes, _isCancelled, _hasEnded || _isCompleted);
        _isCancelled = false;
        return true;
    }

    // What is left of the oldest and all of the next become one.
    private bool TryJoin()
    {
        (byte[] oldest, int end) = _queue.First;
        (byte[] next, int added) = _queue.Second;
        int rest = end - _start;
        if (rest + added > Options.MaxQueuedBytes)
        {
            return false;
        }

        byte[] joined = ArrayPool<byte>.Shared.Rent(rest + added);
        if (!TryHold(joined.Length, hasUnread: false)) // the two it is made of are given back at once
        {
            ArrayPool<byte>.Shared.Return(joined);
            return false;
        }

        oldest.AsSpan(_start, rest).CopyTo(joined);
        next.AsSpan(0, added).CopyTo(joined.AsSpan(rest));
        Remove();
        Return(next);
        _queue.First = (joined, rest + added);
        return true;
    }

    private ReadResult EndFull()
    {
        session.End(CloseReason.UnreadLimit);
        lock (_gate)
        {
            _lending = Lending.Nothing;
        }

        return new ReadResult(default, isCanceled: false, isCompleted: true);
    }

    private bool TryHold(int bytes, bool hasUnread)
    {
        if (!session.Owner.TryHold(bytes, hasUnread))
        {
            return false;
        }

        _held += bytes;
        return true;
    }

    private void DropUnread()
    {
        int kept = _lending == Lending.Oldest ? 1 : 0;
        CountDropped(_queue.Count - kept);
        while (_queue.Count > kept)
        {
            Return(_queue.RemoveLast());
        }

        if (kept == 0)
        {
            (_start, _seen) = (0, false);
        }
    }

    private void Remove()
    {
        Return(_queue.RemoveFirst());
        (_start, _seen) = (0, false);
    }

    private void Return(byte[] buffer)
    {
        _held -= buffer.Length;
        session.Owner.GiveBack(buffer.Length);
        GiveBack(buffer);
    }

    private static void GiveBack(byte[] buffer)
    {
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void CountDropped(int count)
    {
        Volatile.Write(ref _dropped, _dropped + count);
        session.Owner.CountDropped(count);
    }

    // Positions come from the sequence that was lent: the array and an index in it, or nothing for an empty one.
    private int Mark(SequencePosition position)
    {
        (byte[] buffer, int length) = _queue.First;
        if (position.GetObject() is null && length == _start)
        {
            return _start;
        }

        int index = position.GetInteger();
        if (!ReferenceEquals(position.GetObject(), buffer) || index < _start || index > length)
        {
            throw new ArgumentOutOfRangeException(nameof(position), "The position is not one of the buffer that was read.");
        }

        return index;
    }
}
