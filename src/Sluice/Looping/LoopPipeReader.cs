using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Connections;
using Sluice.Connections;
using Sluice.Native;

namespace Sluice.Looping;

/// <summary>
/// Reads on a loop: a read that finds nothing waits, and the loop resumes the handler inline when there is something. The connection is its
/// own IValueTaskSource, for one thread, without an interlocked operation; a call from another thread is posted home.
/// </summary>
internal sealed partial class LoopPipeReader(LoopConnection connection) : DirectPipeReader<LoopConnection>(connection), IValueTaskSource<ReadResult>
{
    private Action<object?>? _continuation;
    private object? _state;
    private ReadWait? _wait; // only of a read that can be cancelled, or that failed
    private short _version;
    private ReadState _stage;
    private ReadMarks _marks;

    private enum ReadState : byte
    {
        /// <summary>No read is under way, or its result was taken.</summary>
        None,

        /// <summary>A read waits for bytes.</summary>
        Waiting,

        /// <summary>A read has come to an end and its result was not taken yet.</summary>
        Done,
    }

    // In one byte, so that the reader of an idle connection is eight bytes smaller.
    [Flags]
    private enum ReadMarks : byte
    {
        None = 0,

        /// <summary>_continuation and _state are of the read that is under way.</summary>
        Awaited = 1,

        /// <summary>The read that is done was cancelled.</summary>
        Canceled = 2,

        /// <summary>The handler reads no more.</summary>
        Left = 4,
    }

    /// <summary>Whether a read waits for bytes.</summary>
    public bool Waits => _stage == ReadState.Waiting;

    protected override int NextSize
    {
        get => LoopBuffers.Size;
        set { } // a loop's buffers have one size
    }

    private Loop Loop => Connection.Loop;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (!Loop.IsCurrent)
        {
            return ReadFromElsewhere(cancellationToken);
        }

        CheckReadable();
        if (_stage != ReadState.None)
        {
            throw new InvalidOperationException("Another read of this connection is under way.");
        }

        if (CancelRequested || cancellationToken.CanBeCanceled || Connection.MayNotWait || Is(ReadMarks.Left))
        {
            return ReadWithCare(cancellationToken);
        }

        return HasResult ? new(Lend()) : Connection.MayReceive && Connection.TryReceive() ? Received() : Wait();
    }

    public override void CancelPendingRead()
    {
        base.CancelPendingRead();
        Connection.WakeRead();
    }

    public override void Complete(Exception? exception = null)
    {
        if (!Loop.IsCurrent)
        {
            CompleteFromElsewhere(exception);
            return;
        }

        base.Complete(exception);
        _marks |= ReadMarks.Left;
    }

    /// <summary>Whether <paramref name="running"/> itself is suspended in this read, so that nothing but its result can go on with it.</summary>
    public bool Suspends(Task running) => _stage == ReadState.Waiting && Is(ReadMarks.Awaited) && ReferenceEquals(_state, running);

    /// <summary>Goes on with the read that waits, and resumes its handler. False: there is nothing yet. On the loop.</summary>
    public bool TryComplete()
    {
        if (CancelRequested || _wait is not null || Connection.MayNotWait)
        {
            if (!TryCompleteWithCare())
            {
                return false;
            }
        }
        else if (!HasResult && !Connection.TryReceive())
        {
            Connection.ExpectReadable();
            return false;
        }

        _stage = ReadState.Done;
        Resume();
        return true;
    }

    /// <summary>
    /// Ends the read with all of <paramref name="bytes"/>, if nothing is unread and it waits for bytes and nothing else; then <see cref="Resume"/> is due. False: it is
    /// not as simple as that, and nothing was done.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTake(ReadOnlySpan<byte> bytes)
    {
        Loop loop = Loop;
        if (_stage != ReadState.Waiting || !IsEmptyHanded || CancelRequested || _wait is not null || Connection.CloseRequested || bytes.Length > loop.MaxUnread)
        {
            return false;
        }

        byte[] buffer = loop.Buffers.Rent(LoopBuffers.Size);
        bytes.CopyTo(buffer);
        Begin(buffer, bytes.Length);
        Connection.CountReceived(bytes.Length);
        _stage = ReadState.Done;
        return true;
    }

    /// <summary>Resumes the handler, if it awaits the read that is done. From the call on, the handler runs: nothing of this read may be touched after it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Resume()
    {
        if (Is(ReadMarks.Awaited))
        {
            _marks &= ~ReadMarks.Awaited;
            _continuation!(_state);
        }
    }

    /// <summary>Resumes a handler that began to wait for a read that was done already.</summary>
    public void ResumeLate()
    {
        if (_stage == ReadState.Done)
        {
            Resume();
        }
    }

    /// <summary>Where the next bytes go; empty when the unread buffer has reached its limit.</summary>
    public new Span<byte> Space()
    {
        if (!IsEmptyHanded)
        {
            return base.Space();
        }

        byte[] buffer = Loop.Buffers.Rent(LoopBuffers.Size);
        Begin(buffer);
        return buffer.AsSpan(0, Math.Min(buffer.Length, Loop.MaxUnread));
    }

    /// <summary>Takes <paramref name="count"/> bytes of the last <see cref="Space"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Take(int count)
    {
        Connection.CountReceived(count);
        Append(count);
    }

    /// <summary>No bytes came and none will: FIN, a reset, or an end of our own making. A reset with bytes unread fails the read.</summary>
    public void End(SocketResult got)
    {
        try
        {
            ReceiveEnded(got);
        }
        catch (Exception error) when (error is ConnectionResetException or ConnectionAbortedException)
        {
            Fail(error);
        }
    }

    /// <summary>The unread buffer has reached its limit: ends the connection, and fails the read.</summary>
    public void EndFull()
    {
        Connection.SendKept();
        Connection.End(CloseReason.UnreadLimit);
        Fail(Connection.EndedException());
    }

    /// <summary>The handler has ended: a read that it left behind is cancelled, what is unread is dropped.</summary>
    public void Leave()
    {
        _marks |= ReadMarks.Left;
        if (_stage == ReadState.Waiting)
        {
            _marks |= ReadMarks.Canceled;
            _stage = ReadState.Done;
            Connection.LookAgain(resume: true);
        }

        DropUnread();
    }

    /// <summary>The connection is closed: gives the memory back.</summary>
    public void Release()
    {
        _wait?.Registration.Dispose();
        Complete();
        if (!Is(ReadMarks.Awaited))
        {
            (_continuation, _state) = (null, null);
        }
    }

    public ReadResult GetResult(short token)
    {
        if (token != _version || _stage != ReadState.Done)
        {
            throw new InvalidOperationException("The result of this read was taken, or is not there yet.");
        }

        _stage = ReadState.None;
        if (_wait is { } wait)
        {
            Exception? error = wait.Error;
            (wait.Token, wait.Error) = (default, null);
            if (error is not null)
            {
                throw error;
            }
        }

        bool isCanceled = Is(ReadMarks.Canceled);
        _marks &= ~ReadMarks.Canceled;
        return Lend(isCanceled);
    }

    public ValueTaskSourceStatus GetStatus(short token) =>
        token != _version ? throw new InvalidOperationException("This read is over.")
        : _stage == ReadState.Waiting ? ValueTaskSourceStatus.Pending
        : _wait switch
        {
            { Error: OperationCanceledException } => ValueTaskSourceStatus.Canceled,
            { Error: not null } => ValueTaskSourceStatus.Faulted,
            _ => ValueTaskSourceStatus.Succeeded,
        };

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        if ((flags & ValueTaskSourceOnCompletedFlags.FlowExecutionContext) != 0)
        {
            (continuation, state) = Continuation.Wrap(continuation, state);
        }

        if (!Loop.IsCurrent)
        {
            AwaitFromElsewhere(continuation, state, token);
            return;
        }

        // Nearly always the same as last time, and comparing costs less than storing a reference.
        if (!ReferenceEquals(_continuation, continuation))
        {
            _continuation = continuation;
        }

        if (!ReferenceEquals(_state, state))
        {
            _state = state;
        }

        _marks |= ReadMarks.Awaited;
        if (_stage == ReadState.Done)
        {
            Connection.LookAgain(resume: true); // never inline: the handler may be in the middle of something
        }
    }

    protected override byte[] Rent(int least) => Loop.Buffers.Rent(least); // only to receive, which the loop does

    protected override void Return(byte[] buffer)
    {
        if (Loop.IsCurrent)
        {
            Loop.Buffers.Return(buffer);
        }
        else
        {
            ReturnFromElsewhere(buffer);
        }
    }

    protected override byte[] RentSmall(int least) => LoopBuffers.RentElsewhere(least);

    protected override void Emptied() => Return(TakeBuffer());

    private bool Is(ReadMarks mark) => (_marks & mark) != 0;

    private ValueTask<ReadResult> Wait()
    {
        // Nearly always released in AdvanceTo: an idle connection holds no buffer, and one with a part of a frame a small one.
        if (HasUnread)
        {
            Shrink();
        }
        else
        {
            ReleaseIfEmpty();
        }

        _stage = ReadState.Waiting;
        _marks &= ~ReadMarks.Awaited;
        Connection.WatchRead();
        Connection.ExpectReadable();
        return new(this, ++_version);
    }
}
