using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Sluice.Connections;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Looping;

/// <summary>
/// A connection of a loop. Its handler is resumed inline on the loop's thread, so nothing here needs a lock: calls from elsewhere are posted
/// to the loop first. How bytes come and go (readiness or completion) is the derived connection's business.
/// </summary>
internal abstract partial class LoopConnection : StreamConnection
{
    private readonly LoopPipeReader _reader;
    private readonly LoopPipeWriter _writer;
    private LoopPhase _phase;
    private Pending _pending; // what GoOn has to do
    private bool _isEndWatched;

    protected LoopConnection(Loop loop, StreamSocket socket, ulong token)
        : base(socket)
    {
        Loop = loop;
        Token = token;
        _reader = new LoopPipeReader(this);
        _writer = new LoopPipeWriter(this);
    }

    /// <summary>What is to be done when the loop looks at a connection again.</summary>
    [Flags]
    private enum Pending : byte
    {
        None = 0,
        Read = 1,
        Flush = 2,
        Outbox = 4,
        Ended = 8,
        Resume = 16,

        /// <summary>Nothing by itself: the loop will look.</summary>
        Queued = 32,
    }

    private enum LoopPhase : byte
    {
        /// <summary>The handler runs or waits.</summary>
        Serving,

        /// <summary>The handler has ended; what it wrote goes out.</summary>
        Flushing,

        /// <summary>Our FIN is sent; the peer's is waited for.</summary>
        Lingering,

        /// <summary>Over. Whoever still calls is told so.</summary>
        Closed,
    }

    public sealed override PipeReader Input => _reader;

    public sealed override PipeWriter Output => _writer;

    public Loop Loop { get; }

    /// <summary>(generation &lt;&lt; 32 | slot): what the kernel hands back with each event. A later connection in the slot has another.</summary>
    public ulong Token { get; }

    /// <summary>Its place on the loop.</summary>
    public int Slot => (int)(uint)Token;

    internal sealed override ConnectionSettings Settings => Loop.Settings;

    internal sealed override bool WaitsIdle => _reader.Waits && !_reader.HasUnread && !InUnit;

    private protected sealed override bool HasUnread => _reader.HasUnread;

    /// <summary>Whether no handler runs any more and only the end is worked at.</summary>
    protected bool HasEnded => _phase != LoopPhase.Serving;

    /// <summary>The messages of others, if there have been any.</summary>
    internal Outbox? Others => Outbox;

    /// <summary>From any thread: who waits until the output is completed and sent, or given up.</summary>
    internal TaskCompletionSource AskFinished()
    {
        TaskCompletionSource finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
        return Interlocked.CompareExchange(ref Extras.OutputFinished, finished, null) ?? finished;
    }

    /// <summary>The output is.</summary>
    internal void TellFinished() => OutputFinished?.TrySetResult();

    /// <summary>Whether it is closed.</summary>
    internal bool IsClosed => _phase == LoopPhase.Closed;

    protected LoopPipeReader Reader => _reader;

    protected LoopPipeWriter Writer => _writer;

    /// <summary>Runs the handler up to its first wait. Called on the loop, once.</summary>
    public void Start()
    {
        ScheduleFirst();
        Loop.Server.Runner.Start(this);
        AfterHandler();
    }

    /// <summary>
    /// Receives what there is now, into the reader (<see cref="LoopPipeReader.Take"/>, <see cref="LoopPipeReader.End"/>). False: nothing yet.
    /// Asks the kernel only when it has told of something, or <paramref name="evenIfNotExpected"/>.
    /// </summary>
    internal abstract bool TryReceive(bool evenIfNotExpected = false);

    /// <summary>Whether a receive may bring something, so that it has to be tried.</summary>
    internal bool MayReceive => HasNews || CloseReason != CloseReason.None;

    /// <summary>Whether there is something that was not received: bytes or an end that are here, or that the kernel has told of.</summary>
    protected bool HasNews { get; set; }

    /// <summary>A read begins to wait: <see cref="OnReadable"/> must come.</summary>
    internal abstract void ExpectReadable();

    /// <summary>
    /// Sends the messages of others and, if <paramref name="own"/>, what the handler has written. WouldBlock: not all yet, and
    /// <see cref="OnWritable"/> will come.
    /// </summary>
    internal abstract NativeError Send(bool own);

    /// <summary>Takes some of <paramref name="bytes"/> to send them, without waiting: perhaps not all, or WouldBlock.</summary>
    internal abstract SocketResult Transmit(ReadOnlySpan<byte> bytes);

    /// <summary>The same for bytes of which the first has a descriptor with it. Only where the socket passes descriptors.</summary>
    internal virtual SocketResult TransmitWith(SafeHandle descriptor, ReadOnlySpan<byte> bytes) => throw new NotSupportedException();

    /// <summary>
    /// Whether everything that <see cref="Transmit"/> took has gone to the kernel. WouldBlock: not yet, and <see cref="OnWritable"/> will come.
    /// </summary>
    internal virtual NativeError Settle() => NativeError.None;

    /// <summary>Hands the kernel what <see cref="Transmit"/> has only taken: the connection is about to be ended hard.</summary>
    internal abstract void SendKept();

    /// <summary>Sends our FIN, once everything is sent.</summary>
    internal abstract void SendFin();

    /// <summary>Receives and drops. True when the peer has sent its FIN, or it is over.</summary>
    protected abstract bool DropReceived();

    /// <summary>The socket is given up: forgets it and closes its descriptor.</summary>
    protected abstract void Forget();

    /// <summary>Bytes, a FIN or an error are there.</summary>
    protected void OnReadable()
    {
        if (_phase == LoopPhase.Serving)
        {
            if (_reader.Waits)
            {
                GoOnReading();
            }
        }
        else if (_phase == LoopPhase.Lingering && DropReceived())
        {
            CloseNow(reset: false);
        }
    }

    /// <summary>The same while a read waits, which is nearly always.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected void GoOnReading()
    {
        if (_reader.TryComplete())
        {
            AfterHandler();
        }
    }

    /// <summary>The kernel can take more.</summary>
    protected void OnWritable()
    {
        switch (_phase)
        {
            case LoopPhase.Serving when _writer.Waits:
                if (_writer.TryComplete())
                {
                    AfterHandler();
                }

                break;
            case LoopPhase.Serving when _writer.IsFinishing:
                _writer.Finish();
                break;
            case LoopPhase.Serving:
                PushOutboxHere();
                break;
            case LoopPhase.Flushing:
                FinishFlush();
                break;
        }
    }

    /// <summary>The kernel says that both directions have ended, or that the socket has failed.</summary>
    protected void OnOver()
    {
        if (!IsHandedOver)
        {
            FireConnectionClosed();
        }
    }

    private protected sealed override string? LetGo()
    {
        if (!Loop.IsCurrent)
        {
            return "it belongs to a loop, and this is another thread";
        }

        if (!TryUnwatch())
        {
            return "its loop receives before anybody asks for it";
        }

        _reader.Leave();
        _writer.Leave();
        return null;
    }

    /// <summary>Stops watching a socket that stays open. False: bytes may be here already.</summary>
    protected virtual bool TryUnwatch() => false;

    /// <summary>Has the loop look at this connection again, in its next turn. On the loop.</summary>
    internal void LookAgain(bool read = false, bool flush = false, bool resume = false)
    {
        Queue((read ? Pending.Read : 0) | (flush ? Pending.Flush : 0) | (resume ? Pending.Resume : 0));
    }

    public sealed override void Abort(ConnectionAbortedException abortReason) => Abort();

    public sealed override void Abort()
    {
        if (Loop.IsCurrent && !IsClosed)
        {
            SendKept(); // what was flushed before the abort goes before its reset
        }

        base.Abort();
    }

    /// <summary>From any thread: wakes a read that waits, to look at its cancellation.</summary>
    internal void WakeRead() => Signal(static connection => ((LoopConnection)connection!).Queue(Pending.Read));

    /// <summary>From any thread: wakes a flush that waits, to look at its cancellation.</summary>
    internal void WakeFlush() => Signal(static connection => ((LoopConnection)connection!).Queue(Pending.Flush));

    private protected sealed override void Wake()
    {
        if (_phase != LoopPhase.Closed)
        {
            Signal(static connection => ((LoopConnection)connection!).Queue(Pending.Read | Pending.Flush));
        }
    }

    /// <summary>Sends what others have queued: here, when this is the loop, else there.</summary>
    internal sealed override void PushOutbox()
    {
        if (Loop.IsCurrent && !_writer.IsBusy)
        {
            PushOutboxHere();
        }
        else
        {
            Signal(static connection => ((LoopConnection)connection!).Queue(Pending.Outbox));
        }
    }

    /// <summary>What was put off. Called by the loop.</summary>
    internal void GoOn()
    {
        Pending pending = _pending;
        _pending = Pending.None;
        if ((pending & Pending.Resume) != 0)
        {
            _reader.ResumeLate();
            _writer.ResumeLate();
        }

        if (_phase == LoopPhase.Closed)
        {
            return;
        }

        if ((pending & Pending.Outbox) != 0)
        {
            PushOutboxHere();
        }

        if ((pending & Pending.Flush) != 0)
        {
            OnWritable();
        }

        if ((pending & Pending.Read) != 0)
        {
            OnReadable();
        }

        if (_phase == LoopPhase.Serving)
        {
            AfterHandler();
        }
    }

    // A handler that is suspended in our own pipe can end only after we resume it, so looking then is enough. One that waits for something
    // else, or through a method of its own, may end at any time: its task tells.
    protected void AfterHandler()
    {
        if (_phase != LoopPhase.Serving)
        {
            return;
        }

        Task running = Running!;
        if (_reader.Suspends(running))
        {
            return;
        }

        if (running.IsCompleted)
        {
            HandlerEnded(running);
        }
        else if (!_isEndWatched && !_writer.Suspends(running))
        {
            _isEndWatched = true;
            running.ContinueWith(static (_, connection) => ((LoopConnection)connection!).Signal(static connection => ((LoopConnection)connection!).Queue(Pending.Ended)),
                this, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private void PushOutboxHere()
    {
        if (_phase == LoopPhase.Closed || !HasOutbox || _writer.IsBusy)
        {
            return; // what is half sent goes first, and takes these along
        }

        if (Send(own: false) is not (NativeError.None or NativeError.WouldBlock))
        {
            Outbox!.Clear();
        }
        else if (HasOutbox)
        {
            WatchWrite();
        }
    }

    private void Signal(SendOrPostCallback callback)
    {
        if (Loop.IsCurrent)
        {
            callback(this);
        }
        else
        {
            Loop.Post(callback, this);
        }
    }

    private void Queue(Pending what)
    {
        _pending |= what;
        if ((_pending & Pending.Queued) == 0 && (_phase != LoopPhase.Closed || what == Pending.Resume))
        {
            _pending |= Pending.Queued;
            Loop.Later(this);
        }
    }
}
