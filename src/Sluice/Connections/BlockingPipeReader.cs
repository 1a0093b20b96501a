using System.IO.Pipelines;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Connections;
using Sluice.Native;

namespace Sluice.Connections;

/// <summary>Reads by a plain recv(2) that blocks the connection's own thread; the ValueTask it returns there is always complete.</summary>
internal sealed class BlockingPipeReader(BlockingConnection connection) : DirectPipeReader<BlockingConnection>(connection), IValueTaskSource<ReadResult>
{
    private ManualResetValueTaskSourceCore<ReadResult> _posted;
    private CancellationToken _postedToken;
    private volatile int _receivingThread;
    private int _interrupting;

    protected override int NextSize { get; set; } = SmallestBuffer;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            CheckReadable();
            if (HasResult && !CancelRequested)
            {
                return new(Lend());
            }

            HomeThread? home = Connection.Home;
            return home is null || (home.IsCurrent && Connection.Settings.BlockingReads == BlockingReads.Inline)
                ? new(Receive(cancellationToken))
                : Post(cancellationToken);
        }
        catch (Exception error) when (error is ConnectionResetException or ConnectionAbortedException or OperationCanceledException)
        {
            return ValueTask.FromException<ReadResult>(error);
        }
    }

    public override void CancelPendingRead()
    {
        base.CancelPendingRead();
        Interrupt();
    }

    /// <summary>Performs a posted read on the connection's own thread (or a rescuer's), and resumes the handler there.</summary>
    public void Perform()
    {
        ReadResult result = default;
        Exception? failure = null;
        try
        {
            result = Receive(_postedToken);
        }
        catch (Exception error)
        {
            failure = error;
        }

        Connection.Home!.ReadPerformed();
        if (failure is null)
        {
            _posted.SetResult(result);
        }
        else
        {
            _posted.SetException(failure);
        }
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token) => _posted.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) => _posted.GetStatus(token);

    // Posted only now that the handler awaits it: a read that was performed before would let the handler go on where it is, away from home.
    void IValueTaskSource<ReadResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _posted.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);
        Connection.Home!.PostRead(Perform);
    }

    private ValueTask<ReadResult> Post(CancellationToken cancellation)
    {
        _posted.Reset();
        _postedToken = cancellation;
        return new(this, _posted.Version);
    }

    private ReadResult Receive(CancellationToken cancellation)
    {
        using CancellationTokenRegistration registration = cancellation.CanBeCanceled
            ? cancellation.UnsafeRegister(static reader => ((BlockingPipeReader)reader!).Interrupt(), this)
            : default;
        if (!Connection.TryEnterReceive())
        {
            throw new InvalidOperationException("Another read of this connection is under way.");
        }

        _receivingThread = ThreadInterrupt.CurrentThread;

        // One wait, however many slices of it come and go: the idle clock runs through.
        Connection.ReadWaits();
        try
        {
            while (true)
            {
                if (TakeCancel())
                {
                    return Lend(isCanceled: true);
                }

                cancellation.ThrowIfCancellationRequested();
                Span<byte> space = Space();
                if (space.IsEmpty)
                {
                    Connection.End(CloseReason.UnreadLimit);
                    throw Connection.EndedException();
                }

                bool wait = !Connection.MayNotWait;
                if (TakeIn(Connection.Socket.Receive(space, wait), space.Length, wait))
                {
                    return Lend();
                }
            }
        }
        finally
        {
            Connection.ReadWaited();
            Connection.ExitReceive();
        }
    }

    // False: nothing came, look around and receive again.
    private bool TakeIn(SocketResult got, int room, bool wait)
    {
        if (got.Succeeded && got.Count > 0)
        {
            Connection.CountReceived(got.Count);
            Received(got.Count, room);
            return true;
        }

        if (got.Error == NativeError.Interrupted || (got.Error == NativeError.WouldBlock && wait && Connection.CloseReason is CloseReason.None))
        {
            return false;
        }

        ReceiveEnded(got);
        return true;
    }

    // Wakes a receive that blocks, so that it looks at why. A signal that comes just before the receive blocks is lost, so it is sent until the
    // receive is over or another has begun.
    private void Interrupt()
    {
        // The receiver writes its ticket and then looks whether it was cancelled, we the other way round. The fence between them is paid here,
        // for both sides, and not once per read.
        Interlocked.MemoryBarrierProcessWide();
        if ((Connection.ReadTicket & 1) != 0 && Interlocked.Exchange(ref _interrupting, 1) == 0)
        {
            _ = InterruptUntilSeenAsync(Connection.ReadTicket);
        }
    }

    private async Task InterruptUntilSeenAsync(int ticket)
    {
        const int Longest = 50;
        for (int delay = 1; Connection.ReadTicket == ticket && (ticket & 1) != 0; delay = Math.Min(delay * 2, Longest))
        {
            Connection.Socket.InterruptReceive(_receivingThread);
            await Task.Delay(delay).ConfigureAwait(false);
        }

        Volatile.Write(ref _interrupting, 0);
        if (CancelRequested)
        {
            Interrupt(); // a later read was cancelled meanwhile
        }
    }
}
