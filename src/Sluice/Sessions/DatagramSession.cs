using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Sessions;

/// <summary>What became of a datagram that a session was to send.</summary>
internal enum SendOutcome
{
    /// <summary>The system has it.</summary>
    Sent,

    /// <summary>The system did not take it; it is counted.</summary>
    NotTaken,

    /// <summary>More than came before the peer has proved its address.</summary>
    OverBudget,

    /// <summary>More than a datagram can have.</summary>
    TooLong,

    /// <summary>The session has ended.</summary>
    Ended,
}

/// <summary>
/// A peer as a handler sees it: a ConnectionContext over nothing but its datagrams. Its handler is resumed by the thread that brings one, or comes home to the
/// loop that brought the first.
/// </summary>
internal sealed partial class DatagramSession : ConnectionContext, IDuplexPipe, IThreadPoolWorkItem
{
    /// <summary>The most bytes of a datagram: 65,535 without the headers of IPv4 and UDP (RFC 768).</summary>
    public const int MostBytes = 65_507;

    // A handler of a session runs further up this stack: another one is not run on top of it.
    [ThreadStatic]
    private static bool _inHandler;

    private readonly SynchronizationContext? _home = SynchronizationContext.Current;
    private readonly DatagramPipeReader _reader;
    private readonly DatagramPipeWriter _writer;
    private CancellationTokenRegistration _stopping;
    private bool _hasBegun;

    // The first reason wins; written by CompareExchange from any thread.
    private int _closeReason;
    private int _hasFinished;

    // Under the gate.
    private long _received;
    private long _sent;
    private long _datagramsReceived;
    private long _datagramsSent;
    private long _notSent;
    private bool _needsProof;
    private bool _isProven;

    public DatagramSession(DatagramSessions owner, DatagramContext context, long now)
    {
        (Owner, Sender, Stopping, BeganAt, Since) = (owner, context.Sender, context.Stopping, now, now);
        SocketAddress lent = context.RemoteAddress; // is another's when the datagram has been served
        Peer = new SocketAddress(lent.Family, lent.Size);
        lent.Buffer[..lent.Size].CopyTo(Peer.Buffer);
        RemoteEndPoint = context.RemoteEndPoint;
        LocalEndPoint = context.LocalEndPoint;
        _needsProof = owner.Options.RequireAddressProof;
        _reader = new DatagramPipeReader(this);
        _writer = new DatagramPipeWriter(this);
    }

    public DatagramSessions Owner { get; }

    /// <summary>The listener's, by which it sends.</summary>
    public IDatagramSender Sender { get; }

    /// <summary>Fires when the drain of the server that has it is over.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>Held for a few steps, by whoever reads, brings or counts; never around a handler.</summary>
    public Lock Gate { get; } = new();

    public SessionKey Key => new(Sender, Peer);

    public PipeReader Input => _reader;

    public PipeWriter Output => _writer;

    /// <summary>The handler's task; set by the runner.</summary>
    public Task? Running { get; set; }

    public CloseReason CloseReason => (CloseReason)Volatile.Read(ref _closeReason);

    /// <summary>By the owner's clock.</summary>
    public long BeganAt { get; }

    // The table's, under its lock: where it is, since when, and its neighbours there.
    internal SessionPlace Place { get; set; }

    internal long Since { get; set; }

    internal DatagramSession? Older { get; set; }

    internal DatagramSession? Newer { get; set; }

    /// <summary>The next one that somebody has to end; his who has taken them out of the table.</summary>
    internal DatagramSession? NextOver { get; set; }

    /// <summary>A datagram has come. From any thread.</summary>
    public Receipt Take(ReadOnlySpan<byte> payload) => _reader.Take(payload);

    /// <summary>Ends when the server's drain is over. Before anybody can find it.</summary>
    public void WatchStopping() =>
        _stopping = Stopping.UnsafeRegister(static session => ((DatagramSession)session!).End(CloseReason.DrainCut), this);

    /// <summary>It was made and is not needed.</summary>
    public void Discard()
    {
        _stopping.Unregister();
        _reader.Leave();
    }

    /// <summary>
    /// Begins the handler, or goes on with it where it waits. Inline only for who has brought a datagram, where the handler is at home, and where no other handler is
    /// in the middle of something; else on the home loop, or the thread pool. One call for each begin and each wait.
    /// </summary>
    public void GoOn(bool inline)
    {
        if (inline && !_inHandler && ReferenceEquals(SynchronizationContext.Current, _home))
        {
            Execute();
        }
        else if (_home is null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else
        {
            _home.Post(static session => ((DatagramSession)session!).Execute(), this);
        }
    }

    /// <summary>Runs the handler up to its next wait.</summary>
    public void Execute()
    {
        bool before = _inHandler;
        _inHandler = true;
        try
        {
            if (_hasBegun)
            {
                _reader.Resume();
            }
            else
            {
                Begin();
            }
        }
        finally
        {
            _inHandler = before;
        }

        if (Running is { IsCompleted: true }) // null while another thread is still inside the call of a handler that waits already
        {
            Finish(); // now, so that who has brought the datagram can be told
        }
    }

    /// <summary>Sends one datagram. From any thread.</summary>
    public SendOutcome Send(ReadOnlySpan<byte> datagram)
    {
        if (Volatile.Read(ref _isOver) || CloseReason is not (CloseReason.None or CloseReason.Drained))
        {
            return SendOutcome.Ended;
        }

        if (datagram.Length > MostBytes)
        {
            return SendOutcome.TooLong;
        }

        lock (Gate)
        {
            if (_needsProof && !_isProven && (_sent + datagram.Length > _received || _datagramsSent >= _datagramsReceived))
            {
                return SendOutcome.OverBudget;
            }

            Charge(datagram.Length, datagrams: 1);
        }

        if (!Sender.TrySend(datagram, Peer))
        {
            lock (Gate)
            {
                Charge(-datagram.Length, datagrams: -1);
            }

            CountNotSent();
            return SendOutcome.NotTaken;
        }

        Owner.Sent(this);
        return SendOutcome.Sent;
    }

    /// <summary>A datagram was taken in. Inside the gate.</summary>
    public void CountReceived(int bytes)
    {
        Volatile.Write(ref _received, _received + bytes);
        _datagramsReceived++;
    }

    public void CountNotSent()
    {
        Interlocked.Increment(ref _notSent);
        Owner.CountNotSent();
    }

    public override void Abort(ConnectionAbortedException abortReason) => End(CloseReason.Aborted);

    public override void Abort() => End(CloseReason.Aborted);

    /// <summary>As <c>Output.Complete</c>: for whoever disposes of his connections.</summary>
    public override ValueTask DisposeAsync()
    {
        _writer.Complete();
        return ValueTask.CompletedTask;
    }

    /// <summary>The server stops: ends it if its handler waits and nothing is unread. From any thread.</summary>
    public void RequestEnd()
    {
        if (_reader.TryEndWait())
        {
            End(CloseReason.Drained);
        }
    }

    /// <summary>
    /// Ends the session, from any thread: its peer's next datagram begins another, and its handler is told. True for the first, whose reason it is. One that is
    /// drained reads no more, and may send until its handler has ended or it is cut.
    /// </summary>
    public bool End(CloseReason reason, bool inline = false)
    {
        if (!TryNote(reason))
        {
            if (reason == CloseReason.Completed && CloseReason == CloseReason.Drained)
            {
                Close();
            }

            return false;
        }

        Owner.Retired(this);
        bool resume = _reader.End();
        if (reason != CloseReason.Drained)
        {
            Close();
        }

        if (resume)
        {
            GoOn(inline);
        }

        return true;
    }

    /// <summary>The exception for a flush of a session that has ended.</summary>
    public Exception EndedException() => new ConnectionAbortedException($"The session has ended: {CloseReason}.");

    private bool TryNote(CloseReason reason)
    {
        var before = (CloseReason)Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)CloseReason.None);
        if (before == CloseReason.Drained && reason is not (CloseReason.Drained or CloseReason.Completed))
        {
            // A drain only asks: whatever then ends the session is its reason.
            return Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)CloseReason.Drained) == (int)CloseReason.Drained;
        }

        return before == CloseReason.None;
    }

    // Nothing is sent any more.
    private void Close()
    {
        _stopping.Unregister();
        FireConnectionClosed();
    }

    private void Begin()
    {
        _hasBegun = true;
        Task running = Owner.Runner.Call(this);
        if (!running.IsCompleted)
        {
            running.GetAwaiter().UnsafeOnCompleted(Finish);
        }
    }

    // The handler has ended: by whoever sees it first.
    private void Finish()
    {
        if (Interlocked.Exchange(ref _hasFinished, 1) != 0)
        {
            return;
        }

        Exception? failure = SessionRunner.FailureOf(this);
        if (failure is null)
        {
            _writer.SendRest();
        }

        _writer.Release();
        End(failure is null ? CloseReason.Completed : CloseReason.HandlerFailed);
        _reader.Leave();
        if (failure is not null)
        {
            Owner.Failed(this, failure);
        }

        Owner.Forget(this); // the last: a stop waits for it
    }

    private void Charge(int bytes, int datagrams)
    {
        Volatile.Write(ref _sent, _sent + bytes);
        _datagramsSent += datagrams;
    }
}
