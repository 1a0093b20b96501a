using System.IO.Pipelines;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Connections;

/// <summary>
/// A connection whose pipe calls do the I/O before they return, on the connection's own thread. After a foreign await the handler comes home:
/// its next pipe call returns pending, the own thread (<see cref="RunHome"/>) does the I/O and resumes the handler there.
/// </summary>
internal sealed class BlockingConnection : GatedConnection, IReadinessObserver
{
    private readonly BlockingPipeReader _reader;
    private readonly BlockingPipeWriter _writer;
    private int _watched;

    public BlockingConnection(StreamSocket socket, ConnectionSettings settings, HomeThread? home = null)
        : base(socket, settings)
    {
        Home = home;
        _reader = new BlockingPipeReader(this);
        _writer = new BlockingPipeWriter(this);
        socket.SetSendTimeout(settings.Slice);
        if (!ThreadInterrupt.IsSupported)
        {
            socket.SetReceiveTimeout(settings.Slice);
        }
    }

    public override PipeReader Input => _reader;

    public override PipeWriter Output => _writer;

    /// <summary>The connection's own thread; null for a client, whose calls block whoever makes them.</summary>
    public HomeThread? Home { get; }

    private protected override bool HasUnread => _reader.HasUnread;

    /// <summary>Serves the handler's pipe calls from other threads until it has ended. Called on the connection's own thread.</summary>
    public void RunHome(Task handler)
    {
        if (!handler.IsCompleted)
        {
            Home!.Run(handler, _reader.Perform, _writer.Perform, () => Socket.Shutdown(System.Net.Sockets.SocketShutdown.Receive));
        }
    }

    /// <summary>
    /// The polite end: what is unsent goes out, then FIN; bytes of the peer are read and dropped until its FIN, for as long as the linger
    /// allows, because closing a socket with unread bytes resets it and the peer could lose the last reply.
    /// </summary>
    public void Finish()
    {
        bool reset = IsHandedOver || CloseReason is not (CloseReason.None or CloseReason.Drained or CloseReason.Completed);
        if (!reset)
        {
            reset = !_writer.TryFinish(closing: true);
        }

        if (!reset && !PeerFinished)
        {
            Linger();
        }

        reset &= CloseReason is CloseReason.Aborted or CloseReason.DrainCut or CloseReason.WriteTimeout or CloseReason.HandlerFailed;
        if (CloseSocket(reset))
        {
            _reader.Complete();
            _writer.Release();
        }
    }

    public override ValueTask DisposeAsync()
    {
        Finish();
        return ValueTask.CompletedTask;
    }

    /// <summary>The outbox could not be sent at once: from now on the notifier says when the socket is writable.</summary>
    private protected override void WatchForOutbox()
    {
        if (Interlocked.Exchange(ref _watched, 1) == 0)
        {
            // Where the system cannot watch one more, the handler's next flush sends the rest.
            TryWatch(this);
        }
    }

    void IReadinessObserver.OnReadiness(Readiness readiness)
    {
        if ((readiness & Readiness.Write) != 0)
        {
            WritableEdge();
        }
    }

    private void Linger()
    {
        long deadline = Environment.TickCount64 + (long)Settings.Linger.TotalMilliseconds;
        Span<byte> dropped = stackalloc byte[1024];
        while (true)
        {
            long left = deadline - Environment.TickCount64;
            if (left <= 0 || CloseReason is not (CloseReason.None or CloseReason.Drained))
            {
                return;
            }

            Socket.SetReceiveTimeout(TimeSpan.FromMilliseconds(left));
            SocketResult got = Socket.Receive(dropped, wait: true);
            if (got.Succeeded ? got.Count == 0 : got.Error is not (NativeError.WouldBlock or NativeError.Interrupted))
            {
                return;
            }
        }
    }
}
