using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Sluice.Native;

namespace Sluice.Looping;

/// <summary>What few reads need: cancellation, failure, the server's drain, and calls from other threads.</summary>
internal sealed partial class LoopPipeReader
{
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

        if (Is(ReadMarks.Left))
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

    // A read that was cancelled, that can be, or that may not wait because the server drains. False: there is nothing yet.
    private bool TryCompleteWithCare()
    {
        if (TakeCancel())
        {
            _marks |= ReadMarks.Canceled;
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

    // The server drains and nothing is in flight: what is there already is still read, but nothing is waited for.
    private void ReceiveLast()
    {
        if (!Connection.TryReceive(evenIfNotExpected: true))
        {
            End(SocketResult.Failed(NativeError.WouldBlock));
        }
    }

    // By themselves, because a closure is made where its method begins.
    private ValueTask<ReadResult> ReadFromElsewhere(CancellationToken cancellation) => PostedCall<ReadResult>.Start(Loop, () => ReadAsync(cancellation));

    private void AwaitFromElsewhere(Action<object?> continuation, object? state, short token) =>
        Loop.Post(_ => OnCompleted(continuation, state, token, ValueTaskSourceOnCompletedFlags.None), null);

    private void CompleteFromElsewhere(Exception? exception) => Loop.Post(_ => Complete(exception), null);

    private void ReturnFromElsewhere(byte[] buffer) => Loop.Post(_ => Loop.Buffers.Return(buffer), null);

    /// <summary>What only few reads need.</summary>
    private sealed class ReadWait
    {
        public CancellationToken Token;
        public CancellationTokenRegistration Registration;
        public Exception? Error;
    }
}
