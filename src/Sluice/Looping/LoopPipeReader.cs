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
internal sealed class LoopPipeReader(LoopConnection connection) : DirectPipeReader<LoopConnection>(connection, LoopBuffers.Size), IValueTaskSource<ReadResult>
{
    private Action<object?>? _continuation;
    private object? _state;
    private ReadWait? _wait; // only of a read that can be cancelled, or that failed
    private short _version;
    private ReadState _stage;
    private bool _isAwaited; // _continuation and _state are of the read that is under way
    private bool _isCanceled;
    private bool _isLeft;

    private enum ReadState : byte
    {
        /// <summary>No read is under way, or its result was taken.</summary>
        None,

        /// <summary>A read waits for bytes.</summary>
        Waiting,

        /// <summary>A read has come to an end and its result was not taken yet.</summary>
        Done,
    }

    /// <summary>Whether a read waits for bytes.</summary>
    public bool Waits => _stage == ReadState.Waiting;

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

        if (CancelRequested || cancellationToken.CanBeCanceled || Connection.MayNotWait || _isLeft)
        {
            return ReadWithCare(cancellationToken);
        }

        return HasResult ? new(Lend()) : Connection.TryReceive() ? Received() : Wait();
    }

    public override void CancelPendingRead()
    {
        base.CancelPendingRead();
        Connection.WakeRead();
    }

    public override void Complete(Exception? exception = null)
    {
        base.Complete(exception);
        _isLeft = true;
    }

    /// <summary>Whether <paramref name="running"/> itself is suspended in this read, so that nothing but its result can go on with it.</summary>
    public bool Suspends(Task running) => _stage == ReadState.Waiting && _isAwaited && ReferenceEquals(_state, running);

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
        return buffer.AsSpan(0, Math.Min(buffer.Length, Connection.Settings.MaxUnread));
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
        catch (ConnectionResetException error)
        {
            Fail(error);
        }
    }

    /// <summary>The unread buffer has reached its limit: ends the connection, and fails the read.</summary>
    public void EndFull()
    {
        Connection.End(CloseReason.UnreadLimit);
        Fail(Connection.EndedException());
    }

    /// <summary>The handler has ended: a read that it left behind is cancelled, what is unread is dropped.</summary>
    public void Leave()
    {
        _isLeft = true;
        if (_stage == ReadState.Waiting)
        {
            _isCanceled = true;
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
        if (!_isAwaited)
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

        bool isCanceled = _isCanceled;
        _isCanceled = false;
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

        _isAwaited = true;
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

    protected override void Abandon(byte[] buffer) => Loop.Buffers.Forget(buffer);

    protected override void Emptied() => Return(TakeBuffer());

    // By themselves, because a closure is made where its method begins.
    private ValueTask<ReadResult> ReadFromElsewhere(CancellationToken cancellation) => PostedCall<ReadResult>.Start(Loop, () => ReadAsync(cancellation));

    private void AwaitFromElsewhere(Action<object?> continuation, object? state, short token) =>
        Loop.Post(_ => OnCompleted(continuation, state, token, ValueTaskSourceOnCompletedFlags.None), null);

    private void ReturnFromElsewhere(byte[] buffer) => Loop.Post(_ => Loop.Buffers.Return(buffer), null);

    // What was received, or why it could not be.
    private ValueTask<ReadResult> Received()
    {
        if (_wait is { Error: { } error })
        {
            _wait.Error = null;
            return ValueTask.FromException<ReadResult>(error);
        }

        return new(Lend());
    }

    private void Fail(Exception error) => (_wait ??= new ReadWait()).Error = error;

    // A read that was cancelled, that can be, or that may not wait because the server drains. False: there is nothing yet.
    private bool TryCompleteWithCare()
    {
        if (TakeCancel())
        {
            _isCanceled = true;
        }
        else if (_wait is { Token.IsCancellationRequested: true })
        {
            _wait.Error = new OperationCanceledException(_wait.Token);
        }
        else if (Connection.MayNotWait && !HasResult)
        {
            ReceiveLast();
        }
        else if (!HasResult && !Connection.TryReceive())
        {
            Connection.ExpectReadable();
            return false;
        }

        _wait?.Registration.Dispose();
        return true;
    }

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
        _isAwaited = false;
        Connection.WatchRead();
        Connection.ExpectReadable();
        return new(this, ++_version);
    }

    // A read that was or can be cancelled, or that may not wait because the server drains.
    private ValueTask<ReadResult> ReadWithCare(CancellationToken cancellation)
    {
        if (TakeCancel())
        {
            return new(Lend(isCanceled: true));
        }

        if (HasResult)
        {
            return new(Lend());
        }

        if (cancellation.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<ReadResult>(cancellation);
        }

        if (_isLeft)
        {
            return ValueTask.FromException<ReadResult>(Connection.EndedException());
        }

        if (Connection.MayNotWait)
        {
            ReceiveLast();
            return Received();
        }

        if (Connection.TryReceive())
        {
            return Received();
        }

        (_wait ??= new ReadWait()).Token = cancellation;
        ValueTask<ReadResult> read = Wait();
        _wait.Registration = cancellation.UnsafeRegister(static connection => ((LoopConnection)connection!).WakeRead(), Connection);
        return read;
    }

    // The server drains and nothing is in flight: what is there already is still read, but nothing is waited for.
    private void ReceiveLast()
    {
        if (!Connection.TryReceive(evenIfNotExpected: true))
        {
            End(SocketResult.Failed(NativeError.WouldBlock));
        }
    }

    // From the call on, the handler runs: nothing of this read may be touched after it.
    private void Resume()
    {
        if (_isAwaited)
        {
            _isAwaited = false;
            _continuation!(_state);
        }
    }

    /// <summary>What only few reads need.</summary>
    private sealed class ReadWait
    {
        public CancellationToken Token;
        public CancellationTokenRegistration Registration;
        public Exception? Error;
    }
}
