using System.IO.Pipelines;
using System.Net.Sockets;
using System.Threading.Tasks.Sources;
using Microsoft.AspNetCore.Connections;
using Sluice.Native;

namespace Sluice.Connections;

/// <summary>Flushes by send(2) that blocks until everything is in the kernel: back-pressure is the call itself.</summary>
internal sealed class BlockingPipeWriter(BlockingConnection connection) : DirectPipeWriter<BlockingConnection>(connection), IValueTaskSource<FlushResult>
{
    // A send on a Unix socket returns only when all of it is taken, however slowly: a piece at a time shows that it goes on.
    private const int MostPerSend = 64 * 1024;

    private ManualResetValueTaskSourceCore<FlushResult> _posted;
    private CancellationToken _postedToken;
    private ReadOnlyMemory<byte> _postedSource;

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => WriteAsync(default, cancellationToken);

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        try
        {
            CheckWritable();
            HomeThread? home = Connection.Home;
            if (home is not null && !home.IsCurrent)
            {
                _posted.Reset();
                _postedToken = cancellationToken;
                _postedSource = source;
                short version = _posted.Version;
                if (home.TryPostFlush(Perform))
                {
                    return new(this, version);
                }
            }

            return new(Flush(source.Span, cancellationToken));
        }
        catch (Exception error) when (error is ConnectionResetException or ConnectionAbortedException or OperationCanceledException)
        {
            return ValueTask.FromException<FlushResult>(error);
        }
    }

    /// <summary>Sends what is unsent, then FIN; reading goes on. With an exception: resets.</summary>
    public override void Complete(Exception? exception = null)
    {
        if (exception is not null)
        {
            Completed = true;
            Connection.End(CloseReason.Aborted);
            return;
        }

        if (!Completed)
        {
            TryFinish(closing: false);
        }
    }

    /// <summary>
    /// Flushes and sends FIN; when the socket is about to be closed after the peer's FIN, close(2) sends it. False when the connection ended
    /// first.
    /// </summary>
    public bool TryFinish(bool closing)
    {
        if (Completed)
        {
            return true;
        }

        try
        {
            if (HasUnsent || Connection.HasOutbox)
            {
                Flush(default, CancellationToken.None);
            }
        }
        catch (Exception error) when (error is ConnectionResetException or ConnectionAbortedException)
        {
            Completed = true;
            return false;
        }

        Completed = true;
        if (!closing || !Connection.PeerFinished)
        {
            Connection.Socket.Shutdown(SocketShutdown.Send);
        }

        return true;
    }

    /// <summary>The connection is closed: gives the memory back.</summary>
    public void Release()
    {
        Completed = true;
        Drop();
        ReleaseIfEmpty();
    }

    /// <summary>Performs a posted flush on the connection's own thread (or a rescuer's), and resumes the handler there.</summary>
    public void Perform()
    {
        FlushResult result = default;
        Exception? failure = null;
        try
        {
            result = Flush(_postedSource.Span, _postedToken);
        }
        catch (Exception error)
        {
            failure = error;
        }

        _postedSource = default;
        Connection.Home!.FlushPerformed();
        if (failure is null)
        {
            _posted.SetResult(result);
        }
        else
        {
            _posted.SetException(failure);
        }
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => _posted.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) => _posted.GetStatus(token);

    void IValueTaskSource<FlushResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _posted.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

    private FlushResult Flush(ReadOnlySpan<byte> source, CancellationToken cancellation)
    {
        Connection.EnterSend();
        Connection.FlushWaits();
        try
        {
            if (Connection.HasOutbox)
            {
                NativeError error = Connection.SendOutbox(wait: true, cancellation);
                if (error == NativeError.WouldBlock && cancellation.IsCancellationRequested)
                {
                    return Cancelled(source, cancellation);
                }

                if (error != NativeError.None)
                {
                    throw Failed();
                }
            }

            while (TryPeek(out ReadOnlySpan<byte> rest))
            {
                if (!Send(rest, cancellation, out int count))
                {
                    return Cancelled(source, cancellation);
                }

                Sent(count);
            }

            while (!source.IsEmpty)
            {
                if (!Send(source, cancellation, out int count))
                {
                    return Cancelled(source, cancellation);
                }

                source = source[count..];
            }

            Connection.OwnFlushed();
            return default;
        }
        finally
        {
            Connection.FlushWaited();
            Connection.ExitSend();
        }
    }

    // One send that made progress; false when the flush was cancelled first.
    private bool Send(ReadOnlySpan<byte> rest, CancellationToken cancellation, out int count)
    {
        count = 0;
        while (true)
        {
            if (cancellation.IsCancellationRequested || TakeCancel())
            {
                return false;
            }

            SocketResult sent = Connection.Socket.Send(rest.Length > MostPerSend ? rest[..MostPerSend] : rest, wait: true);
            if (sent.Succeeded)
            {
                count = sent.Count;
                Connection.CountOwnSent(count);
                return true;
            }

            if (sent.Error is not (NativeError.WouldBlock or NativeError.Interrupted) || Connection.CloseReason is not (CloseReason.None or CloseReason.Drained))
            {
                throw Failed();
            }
        }
    }

    // What was not sent stays, for the next flush.
    private FlushResult Cancelled(ReadOnlySpan<byte> source, CancellationToken cancellation)
    {
        Keep(source);
        cancellation.ThrowIfCancellationRequested();
        return new(isCanceled: true, isCompleted: false);
    }

    private Exception Failed()
    {
        Connection.End(CloseReason.PeerReset);
        Drop();
        return Connection.EndedException();
    }
}
