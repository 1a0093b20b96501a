using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Connections;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Connections;

/// <summary>
/// Reads when the notifier says that the socket is readable. Edges are remembered in <c>_readiness</c>; a receive that did not fill its
/// buffer has drained the socket, so the next read waits for an edge instead of asking the kernel in vain (231 ns).
/// </summary>
internal sealed class AsyncPipeReader(AsyncConnection connection) : DirectPipeReader<AsyncConnection>(connection), IValueTaskSource<ReadResult>, IThreadPoolWorkItem
{
    private const int Idle = 0;     // no edge since the last receive
    private const int Readable = 1; // an edge that nobody has used yet
    private const int Waiting = 2;  // a read waits for an edge

    private static readonly TimeSpan StrayLook = TimeSpan.FromMilliseconds(20);

    // Idle and Waiting are set by the reading side, Readable and the way out of Waiting by whoever gets there first.
    private int _readiness;

    // A short receive does not mean that nothing follows: FIN or an error has been seen, or descriptors are passed.
    private volatile bool _peerClosed = connection.Socket is PassingStreamSocket;

    private ManualResetValueTaskSourceCore<ReadResult> _pending;
    // A read was pending and nobody has taken its result yet: _pending is not ours to use again.
    private volatile bool _unclaimed;

    private CancellationToken _token;
    private CancellationTokenRegistration _registration;

    protected override int NextSize { get; set; } = SmallestBuffer;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        CheckReadable();
        if (HasResult && !CancelRequested)
        {
            return new(Lend());
        }

        if (_unclaimed || !Connection.TryEnterReceive())
        {
            throw new InvalidOperationException("Another read of this connection is under way.");
        }

        _token = cancellationToken;
        _pending.Reset();
        short version = _pending.Version;
        try
        {
            if (TryReceive(out ReadResult result))
            {
                Connection.ExitReceive();
                return new(result);
            }
        }
        catch (Exception error) when (error is ConnectionResetException or ConnectionAbortedException or OperationCanceledException)
        {
            Connection.ExitReceive();
            return ValueTask.FromException<ReadResult>(error);
        }

        _unclaimed = true; // nobody can take the result before it is returned here
        return new(this, version);
    }

    public override void CancelPendingRead()
    {
        base.CancelPendingRead();
        Wake();
    }

    /// <summary>An edge, on the notifier's thread.</summary>
    public void OnReadable(bool peerClosed)
    {
        if (peerClosed)
        {
            _peerClosed = true;
        }

        if (Interlocked.CompareExchange(ref _readiness, Readable, Idle) == Waiting)
        {
            Wake();
        }
    }

    /// <summary>Goes on with a read that waited, on the thread pool.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        ReadResult result;
        try
        {
            _registration.Dispose();
            Connection.ReadWaited();
            if (!TryReceive(out result))
            {
                return; // spurious: it waits again
            }
        }
        catch (Exception error)
        {
            Connection.ExitReceive();
            _pending.SetException(error);
            return;
        }

        // From here on the handler runs: nothing of this read may be touched after SetResult.
        Connection.ExitReceive();
        _pending.SetResult(result);
    }

    /// <summary>Reads and drops until FIN, an error or the token. For the lingering end.</summary>
    public async ValueTask DropUntilEndAsync(CancellationToken deadline)
    {
        try
        {
            DropUnread();
            if (_unclaimed)
            {
                await DropAfterStrayAsync(deadline);
                return;
            }

            while (!Ended)
            {
                await ReadAsync(deadline);
                DropUnread();
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ConnectionResetException or ConnectionAbortedException or InvalidOperationException)
        {
            // The linger is over, one way or the other.
        }
    }

    // The handler has ended and left a read behind. Looks now and then, because the one who would be woken is that read.
    private async Task DropAfterStrayAsync(CancellationToken deadline)
    {
        CancelPendingRead();
        byte[] dropped = new byte[1024];
        while (true)
        {
            if (Connection.TryEnterReceive())
            {
                SocketResult got;
                while ((got = Connection.Socket.Receive(dropped, wait: false)).Count > 0)
                {
                }

                Connection.ExitReceive();
                if (got.Succeeded || got.Error is not (NativeError.WouldBlock or NativeError.Interrupted))
                {
                    return;
                }
            }

            await Task.Delay(StrayLook, deadline);
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token)
    {
        _unclaimed = _pending.GetStatus(token) == ValueTaskSourceStatus.Pending;
        return _pending.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _pending.GetStatus(token);

    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _pending.OnCompleted(continuation, state, token, flags);

    // Inside the receiver's gate. False: the read waits, and Execute will go on with it.
    private bool TryReceive(out ReadResult result)
    {
        while (true)
        {
            if (TakeCancel())
            {
                result = Lend(isCanceled: true);
                return true;
            }

            _token.ThrowIfCancellationRequested();
            bool mayNotWait = Connection.MayNotWait;
            if (Volatile.Read(ref _readiness) == Readable || _peerClosed || mayNotWait)
            {
                // Before the receive: an edge that comes during it is not lost.
                Volatile.Write(ref _readiness, Idle);
                if (ReceiveNow(mayNotWait))
                {
                    result = Lend();
                    return true;
                }
            }

            if (WaitForEdge())
            {
                result = default;
                return false;
            }
        }
    }

    private bool ReceiveNow(bool mayNotWait)
    {
        Span<byte> space = Space();
        if (space.IsEmpty)
        {
            Connection.End(CloseReason.UnreadLimit);
            throw Connection.EndedException();
        }

        SocketResult got = Connection.Socket.Receive(space, wait: false);
        if (got.Succeeded && got.Count > 0)
        {
            Connection.CountReceived(got.Count);
            if (Received(got.Count, space.Length))
            {
                Volatile.Write(ref _readiness, Readable); // it filled the space: there may be more without another edge
            }

            return true;
        }

        if (got.Error == NativeError.Interrupted)
        {
            Volatile.Write(ref _readiness, Readable);
            return false;
        }

        if (got.Error == NativeError.WouldBlock && !mayNotWait && Connection.CloseReason is CloseReason.None or CloseReason.Drained)
        {
            return false;
        }

        ReceiveEnded(got);
        return true;
    }

    // False: an edge, a cancellation or a drain came in between; look again.
    private bool WaitForEdge()
    {
        if (Volatile.Read(ref _readiness) != Idle)
        {
            return false;
        }

        ReleaseIfEmpty();
        Connection.ReadWaits();
        if (_token.CanBeCanceled)
        {
            _registration = _token.UnsafeRegister(static reader => ((AsyncPipeReader)reader!).Wake(), this);
        }

        // From this exchange on another thread may go on with the read; this one may only wake it, spuriously at worst.
        if (Interlocked.CompareExchange(ref _readiness, Waiting, Idle) == Idle)
        {
            if (CancelRequested || _token.IsCancellationRequested || Connection.MayNotWait)
            {
                Wake(); // what would have woken it came just before it waited
            }

            return true;
        }

        _registration.Dispose();
        Connection.ReadWaited();
        return false;
    }

    // Takes a waiting read out of its wait and queues the rest of it; whoever loses the race does nothing.
    private void Wake()
    {
        if (Interlocked.CompareExchange(ref _readiness, Readable, Waiting) == Waiting)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }
}
