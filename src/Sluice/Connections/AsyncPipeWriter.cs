using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Connections;
using Sluice.Native;

namespace Sluice.Connections;

/// <summary>
/// Flushes by sends that do not wait; a flush that the kernel cannot take whole stays pending until the notifier says that the socket is
/// writable again. That pending flush is the back-pressure.
/// </summary>
internal sealed class AsyncPipeWriter(AsyncConnection connection) : DirectPipeWriter<AsyncConnection>(connection), IValueTaskSource<FlushResult>, IThreadPoolWorkItem
{
    private const int Idle = 0;     // no edge since the last send
    private const int Writable = 1; // an edge that nobody has used yet
    private const int Waiting = 2;  // a flush waits for an edge

    private static readonly TimeSpan StrayLook = TimeSpan.FromMilliseconds(20);

    private int _readiness;
    private ManualResetValueTaskSourceCore<FlushResult> _pending;
    private CancellationToken _token;
    private CancellationTokenRegistration _registration;
    private ReadOnlyMemory<byte> _source;
    private Task? _finishing;

    // A flush was pending and nobody has taken its result yet: _pending is not ours to use again.
    private volatile bool _unclaimed;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        CheckWritable();
        return Flush(default, cancellationToken);
    }

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        CheckWritable();
        return Flush(source, cancellationToken);
    }

    /// <summary>Sends what is unsent, in the background if need be, then FIN; reading goes on. With an exception: resets.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (exception is not null)
        {
            Completed = true;
            Connection.End(CloseReason.Aborted);
            return;
        }

        _ = FinishOnce();
    }

    public override ValueTask CompleteAsync(Exception? exception = null)
    {
        Complete(exception);
        return _finishing is null ? ValueTask.CompletedTask : new ValueTask(_finishing);
    }

    /// <summary>Flushes and sends FIN. False when the connection ended first.</summary>
    public async ValueTask<bool> TryFinishAsync()
    {
        await FinishOnce();
        return Connection.CloseReason is CloseReason.None or CloseReason.Drained;
    }

    /// <summary>The connection is closed: gives the memory back.</summary>
    public void Release()
    {
        Completed = true;
        Drop();
        ReleaseIfEmpty();
    }

    public override void CancelPendingFlush()
    {
        base.CancelPendingFlush();
        Wake();
    }

    /// <summary>An edge, on the notifier's thread.</summary>
    public void OnWritable()
    {
        // Nearly always Writable already, because most edges are for the reader: look before the interlocked operation.
        if (Volatile.Read(ref _readiness) != Writable && Interlocked.CompareExchange(ref _readiness, Writable, Idle) == Waiting)
        {
            Wake();
        }
    }

    /// <summary>Goes on with a flush that waited, on the thread pool.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        FlushResult result;
        try
        {
            _registration.Dispose();
            Connection.FlushWaited();
            if (!TrySendAll(out result))
            {
                return;
            }
        }
        catch (Exception error)
        {
            Connection.ExitSend();
            _pending.SetException(error);
            return;
        }

        // From here on the handler runs: nothing of this flush may be touched after SetResult.
        Connection.ExitSend();
        _pending.SetResult(result);
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token)
    {
        _unclaimed = _pending.GetStatus(token) == ValueTaskSourceStatus.Pending;
        return _pending.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _pending.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _pending.OnCompleted(continuation, state, token, flags);

    private ValueTask<FlushResult> Flush(ReadOnlyMemory<byte> source, CancellationToken cancellation)
    {
        if (_unclaimed)
        {
            throw new InvalidOperationException("Another flush of this connection is under way: await it first.");
        }

        Connection.EnterSend();
        _source = source;
        _token = cancellation;
        _pending.Reset();
        short version = _pending.Version;
        try
        {
            if (TrySendAll(out FlushResult result))
            {
                Connection.ExitSend();
                return new(result);
            }
        }
        catch (Exception error) when (error is ConnectionResetException or ConnectionAbortedException or OperationCanceledException)
        {
            Connection.ExitSend();
            return ValueTask.FromException<FlushResult>(error);
        }

        _unclaimed = true; // nobody can take the result before it is returned here
        return new(this, version);
    }

    // Inside the sender's gate. False: the flush waits, and Execute will go on with it.
    private bool TrySendAll(out FlushResult result)
    {
        while (true)
        {
            if (TakeCancel() || _token.IsCancellationRequested)
            {
                Keep(_source.Span);
                _source = default;
                _token.ThrowIfCancellationRequested();
                result = new(isCanceled: true, isCompleted: false);
                return true;
            }

            Volatile.Write(ref _readiness, Idle); // before the send: an edge that comes during it is not lost
            NativeError error = SendNow();
            if (error == NativeError.None)
            {
                Volatile.Write(ref _readiness, Writable);
                ReleaseIfEmpty();
                result = default;
                return true;
            }

            if (error == NativeError.Interrupted)
            {
                continue;
            }

            if (error != NativeError.WouldBlock || Connection.CloseReason is not (CloseReason.None or CloseReason.Drained))
            {
                Connection.End(CloseReason.PeerReset);
                Drop();
                _source = default;
                throw Connection.EndedException();
            }

            if (WaitForEdge())
            {
                result = default;
                return false;
            }
        }
    }

    private NativeError SendNow()
    {
        if (Connection.HasOutbox)
        {
            NativeError error = Connection.SendOutbox(wait: false);
            if (error != NativeError.None)
            {
                return error;
            }
        }

        while (TryPeek(out ReadOnlySpan<byte> rest))
        {
            SocketResult sent = Connection.Socket.Send(rest, wait: false);
            if (!sent.Succeeded)
            {
                return sent.Error;
            }

            Connection.CountOwnSent(sent.Count);
            Sent(sent.Count);
        }

        while (!_source.IsEmpty)
        {
            SocketResult sent = Connection.Socket.Send(_source.Span, wait: false);
            if (!sent.Succeeded)
            {
                return sent.Error;
            }

            Connection.CountOwnSent(sent.Count);
            _source = _source[sent.Count..];
        }

        Connection.OwnFlushed();
        return NativeError.None;
    }

    // False: an edge came in between; send again.
    private bool WaitForEdge()
    {
        Connection.FlushWaits();
        if (_token.CanBeCanceled)
        {
            _registration = _token.UnsafeRegister(static writer => ((AsyncPipeWriter)writer!).Wake(), this);
        }

        // From this exchange on another thread may go on with the flush; this one may only wake it, spuriously at worst.
        if (Interlocked.CompareExchange(ref _readiness, Waiting, Idle) == Idle)
        {
            if (CancelRequested || _token.IsCancellationRequested || Connection.CloseReason is not (CloseReason.None or CloseReason.Drained))
            {
                Wake(); // what would have woken it came just before it waited
            }

            return true;
        }

        _registration.Dispose();
        Connection.FlushWaited();
        return false;
    }

    private void Wake()
    {
        if (Interlocked.CompareExchange(ref _readiness, Writable, Waiting) == Waiting)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private Task FinishOnce() => _finishing ??= FinishAsync();

    // The handler has ended and left a flush behind: what is unsent goes out after it. Looks now and then, because the one who would be woken
    // is the flush; the write timeout and a drain's cut end it.
    private async Task SendAfterStrayAsync()
    {
        while (Connection.CloseReason is CloseReason.None or CloseReason.Drained)
        {
            if (Connection.TryEnterSend())
            {
                NativeError error = SendNow();
                Connection.ExitSend();
                if (error == NativeError.None)
                {
                    return;
                }

                if (error is not (NativeError.WouldBlock or NativeError.Interrupted))
                {
                    Connection.End(CloseReason.PeerReset);
                    return;
                }
            }

            await Task.Delay(StrayLook);
        }
    }

    private async Task FinishAsync()
    {
        if (Completed)
        {
            return;
        }

        Completed = true;
        try
        {
            if (_unclaimed)
            {
                await SendAfterStrayAsync();
            }
            else if (HasUnsent || Connection.HasOutbox)
            {
                await Flush(default, CancellationToken.None);
            }

            Connection.Socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception error) when (error is ConnectionResetException or ConnectionAbortedException)
        {
            // The connection ended first; its reason is noted.
        }
    }
}
