using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Sluice.Connections;
using Sluice.Native;

namespace Sluice.Looping;

/// <summary>
/// Writes on a loop: a flush sends at once, and only what the kernel cannot take waits until it can (that pending flush is the back-pressure).
/// For the loop's thread; a call from another one is posted home.
/// </summary>
internal sealed partial class LoopPipeWriter(LoopConnection connection) : DirectPipeWriter<LoopConnection>(connection)
{
    private LoopFlush? _flush; // made by the first flush that has to wait
    private bool _ownBegun; // some bytes of a flush are sent, and not all: no message of others may come between

    /// <summary>Whether a flush waits for the kernel.</summary>
    public bool Waits => _flush is { Waits: true };

    /// <summary>Whether messages of others have to wait for the handler's.</summary>
    public bool IsBusy => _ownBegun || Waits || IsFinishing;

    /// <summary>Whether the handler has completed the writer and FIN waits for what is unsent.</summary>
    public bool IsFinishing { get; private set; }

    /// <summary>Whether the handler has written what is not sent.</summary>
    public bool HasUnsentOwn => HasUnsent || _flush is { Source.IsEmpty: false };

    private Loop Loop => Connection.Loop;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (Loop.IsCurrent && !cancellationToken.CanBeCanceled && TryPeekAll(out ReadOnlySpan<byte> all))
        {
            int sent = TransmitAtOnce(all);
            if (sent == all.Length && sent > 0)
            {
                Loop.Chunks.Return(TakeChunk());
                return default;
            }

            Sent(sent); // some, or none
        }

        return WriteRest(default, 0, cancellationToken);
    }

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        int sent = Loop.IsCurrent && !cancellationToken.CanBeCanceled && !HasUnsent ? TransmitAtOnce(source.Span) : 0;
        return sent == source.Length && sent > 0 ? default : WriteRest(source, sent, cancellationToken);
    }

    public override void CancelPendingFlush()
    {
        base.CancelPendingFlush();
        Connection.WakeFlush();
    }

    /// <summary>Sends what is unsent, in the background if need be, then FIN; reading goes on. With an exception: resets.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (exception is not null)
        {
            Completed = true;
            Connection.Abort();
        }
        else if (Loop.IsCurrent)
        {
            CompleteHere();
        }
        else
        {
            Loop.Post(static writer => ((LoopPipeWriter)writer!).CompleteHere(), this);
        }
    }

    public override ValueTask CompleteAsync(Exception? exception = null)
    {
        TaskCompletionSource finished = Connection.AskFinished();
        Complete(exception);
        if (exception is not null)
        {
            finished.TrySetResult();
        }

        return new(finished.Task);
    }

    /// <summary>Whether <paramref name="running"/> itself is suspended in this flush.</summary>
    public bool Suspends(Task running) => _flush is { } flush && flush.Suspends(running);

    /// <summary>Goes on with the flush that waits, and resumes its handler. False: not yet. On the loop.</summary>
    public bool TryComplete()
    {
        LoopFlush flush = _flush!;
        if (TakeCancel())
        {
            KeepSource(flush);
            Connection.WriteDone();
            flush.Complete(isCanceled: true, error: null);
            return true;
        }

        if (flush.Token.IsCancellationRequested)
        {
            KeepSource(flush);
            Connection.WriteDone();
            flush.Complete(isCanceled: false, new OperationCanceledException(flush.Token));
            return true;
        }

        NativeError error = Connection.Send(own: true);
        if (error == NativeError.WouldBlock && Connection.CloseReason is CloseReason.None or CloseReason.Drained)
        {
            Connection.WatchWrite();
            return false;
        }

        flush.Complete(isCanceled: false, error == NativeError.None ? null : Failed());
        return true;
    }

    public void ResumeLate() => _flush?.ResumeLate();

    /// <summary>Goes on with what <see cref="Complete"/> began.</summary>
    public void Finish()
    {
        NativeError error = HasUnsentOwn || Connection.HasOutbox ? Connection.Send(own: true) : NativeError.None;
        error = error == NativeError.None ? Connection.Settle() : error;
        if (error == NativeError.WouldBlock && Connection.CloseReason is CloseReason.None or CloseReason.Drained)
        {
            IsFinishing = true;
            Connection.WatchWrite();
            return;
        }

        IsFinishing = false;
        if (error == NativeError.None)
        {
            Connection.SendFin();
        }
        else
        {
            Failed();
        }

        Connection.TellFinished();
    }

    /// <summary>The handler has ended. A flush that it left behind is cancelled, its bytes are sent all the same.</summary>
    public void Leave()
    {
        Completed = true;
        IsFinishing = false;
        if (_flush is { Waits: true } flush)
        {
            Completed = false; // for what is kept
            KeepSource(flush);
            Completed = true;
            flush.Leave();
        }
    }

    /// <summary>The connection is closed: gives the memory back.</summary>
    public void Release()
    {
        Completed = true;
        Drop();
        ReleaseIfEmpty();
        _flush?.Leave();
        Connection.TellFinished();
    }

    protected override byte[] Rent(int least) => Loop.IsCurrent ? Loop.Chunks.Rent(least) : LoopBuffers.RentElsewhere(least);

    protected override byte[] RentSmall(int least) => LoopBuffers.RentElsewhere(least);

    protected override void Return(byte[] chunk)
    {
        if (Loop.IsCurrent)
        {
            Loop.Chunks.Return(chunk);
        }
        else
        {
            ReturnFromElsewhere(chunk);
        }
    }

    // The usual case of a flush: sends what the connection takes, and returns how much. Nothing, where anything else has to be looked at before; an error is found again.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int TransmitAtOnce(ReadOnlySpan<byte> bytes)
    {
        Loop loop = Loop;
        bool isPlain = !Completed && !_ownBegun && !CancelRequested && _flush is null or { IsFree: true } && !Connection.HasOutbox;
        if (!isPlain || bytes.IsEmpty || loop.Budget <= 1)
        {
            return 0;
        }

        SocketResult sent = Connection.Transmit(bytes);
        if (!sent.Succeeded)
        {
            return 0;
        }

        loop.Budget--;
        Connection.CountSent(sent.Count);
        _ownBegun = sent.Count < bytes.Length;
        return sent.Count;
    }

    // What is left of a write of which nothing or some was sent at once. A flush is a write of nothing.
    private ValueTask<FlushResult> WriteRest(ReadOnlyMemory<byte> source, int sent, CancellationToken cancellation)
    {
        if (!Loop.IsCurrent)
        {
            return WriteFromElsewhere(source, cancellation);
        }

        CheckWritable();
        return Flush(source[sent..], cancellation);
    }

    // By themselves, because a closure is made where its method begins.
    private void ReturnFromElsewhere(byte[] chunk) => Loop.Post(_ => Loop.Chunks.Return(chunk), null);

    private ValueTask<FlushResult> WriteFromElsewhere(ReadOnlyMemory<byte> source, CancellationToken cancellation) =>
        PostedCall<FlushResult>.Start(Loop, () => WriteAsync(source, cancellation));

    private ValueTask<FlushResult> Flush(ReadOnlyMemory<byte> source, CancellationToken cancellation)
    {
        if (_flush is { IsUnderWay: true })
        {
            throw new InvalidOperationException("Another flush of this connection is under way: await it first.");
        }

        if (!source.IsEmpty)
        {
            (_flush ??= new LoopFlush(Connection)).Source = source;
        }

        if ((CancelRequested || cancellation.CanBeCanceled) && TryCancel(cancellation, out ValueTask<FlushResult> cancelled))
        {
            return cancelled;
        }

        NativeError error = Connection.Send(own: true);
        return error == NativeError.None && --Loop.Budget > 0 ? default : Wait(error, cancellation);
    }

    // A flush that was cancelled before it began; what it would have sent goes with the next one.
    private bool TryCancel(CancellationToken cancellation, out ValueTask<FlushResult> cancelled)
    {
        bool isCanceled = TakeCancel();
        cancelled = isCanceled ? new(new FlushResult(isCanceled: true, isCompleted: false))
            : cancellation.IsCancellationRequested ? ValueTask.FromCanceled<FlushResult>(cancellation)
            : default;
        if ((isCanceled || cancellation.IsCancellationRequested) && _flush is not null)
        {
            KeepSource(_flush);
        }

        return isCanceled || cancellation.IsCancellationRequested;
    }

    // Not all is sent, or this handler has had its share of the turn.
    private ValueTask<FlushResult> Wait(NativeError error, CancellationToken cancellation)
    {
        if (error == NativeError.None)
        {
            Connection.LookAgain(flush: true);
        }
        else if (error == NativeError.WouldBlock && Connection.CloseReason is CloseReason.None or CloseReason.Drained)
        {
            Connection.WatchWrite();
        }
        else
        {
            return ValueTask.FromException<FlushResult>(Failed());
        }

        return (_flush ??= new LoopFlush(Connection)).Start(cancellation);
    }

    private Exception Failed()
    {
        Connection.End(CloseReason.PeerReset);
        Drop();
        if (_flush is not null)
        {
            _flush.Source = default;
        }

        return Connection.EndedException();
    }

    private void CompleteHere()
    {
        if (!Completed)
        {
            Completed = true;
            Finish();
        }
        else if (!IsFinishing)
        {
            Connection.TellFinished(); // it was finished before anybody asked to be told
        }
    }

    private void KeepSource(LoopFlush flush)
    {
        if (!flush.Source.IsEmpty)
        {
            Keep(flush.Source.Span);
            flush.Source = default;
        }
    }
}
