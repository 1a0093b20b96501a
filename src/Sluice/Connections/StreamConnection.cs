using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Sluice.Transports;

namespace Sluice.Connections;

/// <summary>
/// A connection as a handler sees it: lean, its own features, pipes directly on the socket. An idle one holds no buffer and none of the
/// objects that nobody has asked for (id, items, cancellation).
/// </summary>
internal abstract partial class StreamConnection : ConnectionContext, IDuplexPipe
{
    // The first reason wins; written by CompareExchange from any thread.
    private int _closeReason;

    // Marks; a number, because only numbers can be changed by an interlocked operation.
    private int _marks;

    private int _units;

    // Written by whoever receives or sends, one at a time; read by anybody.
    private long _received;
    private long _sent;

    // Made by the first who needs it: see StreamConnection.Features.cs.
    private ConnectionExtras? _extras;

    protected StreamConnection(StreamSocket socket) => Socket = socket;

    /// <summary>Each is set once and stays; from any thread.</summary>
    [Flags]
    private enum Marks
    {
        None = 0,

        /// <summary>The socket is given up, or being given up.</summary>
        Closed = 1,

        /// <summary>The server drains. Set by the drain's thread, read by the handler's before it waits.</summary>
        CloseRequested = 2,

        /// <summary>ConnectionClosed has fired.</summary>
        Over = 4,

        /// <summary>The socket is another process's, too.</summary>
        HandedOver = 8,
    }

    public abstract PipeReader Input { get; }

    public abstract PipeWriter Output { get; }

    /// <summary>The pipes: our own, unless a middleware has put others in their place.</summary>
    public override IDuplexPipe Transport
    {
        get => _extras?.Transport ?? this;
        set => Extras.Transport = value;
    }

    public CloseReason CloseReason => (CloseReason)Volatile.Read(ref _closeReason);

    /// <summary>When it was accepted, in <see cref="Environment.TickCount64"/>.</summary>
    public long AcceptedAt { get; } = Environment.TickCount64;

    /// <summary>Whether the server drains and asks the handler to finish.</summary>
    internal bool CloseRequested => Has(Marks.CloseRequested);

    internal StreamSocket Socket { get; }

    /// <summary>Where it was accepted; null for a client.</summary>
    internal Listener? Listener { get; set; }

    internal abstract ConnectionSettings Settings { get; }

    /// <summary>The handler's task; set by the runner when it has called the handler.</summary>
    internal Task? Running { get; set; }

    /// <summary>Whether the peer's FIN was received: nothing of ours can be lost to a reset then, so closing need not linger.</summary>
    internal bool PeerFinished { get; set; }

    /// <summary>The handler's exception, for the event that tells of the end.</summary>
    internal Exception? Failure
    {
        get => _extras?.Failure;
        set => Extras.Failure = value;
    }

    /// <summary>Whom to tell that the output is completed and sent; null while nobody has asked.</summary>
    private protected TaskCompletionSource? OutputFinished => Volatile.Read(ref _extras)?.OutputFinished;

    public long BytesReceived => Volatile.Read(ref _received);

    public long BytesSent => Volatile.Read(ref _sent);

    /// <summary>Whether the handler has ended and only the peer's FIN is waited for, which has its own deadline: no limit of reading counts.</summary>
    internal bool Lingers { get; private protected set; }

    /// <summary>Whether the handler has said that a unit has begun and not ended.</summary>
    internal bool InUnit => Volatile.Read(ref _units) > 0;

    /// <summary>Whether the handler waits in a read with no work in flight. Asked from any thread.</summary>
    internal abstract bool WaitsIdle { get; }

    /// <summary>Whether another process serves it, which alone knows what it receives.</summary>
    internal virtual bool IsElsewhere => false;

    private protected abstract bool HasUnread { get; }

    void IConnectionUnit.BeginUnit() => Interlocked.Increment(ref _units);

    void IConnectionUnit.EndUnit() => Interlocked.Decrement(ref _units);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountReceived(long count) => _received += count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountSent(long count) => _sent += count;

    /// <summary>Messages of others, if there have been any.</summary>
    private protected Outbox? Outbox => _extras?.Outbox;

    /// <summary>Whether messages of others wait to be sent.</summary>
    internal bool HasOutbox
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _extras is { Outbox.IsEmpty: false };
    }

    /// <inheritdoc cref="IConnectionSender.TrySend"/>
    public bool TrySend(ReadOnlySpan<byte> message)
    {
        if (Has(Marks.Closed) || IsHandedOver || CloseReason is not (CloseReason.None or CloseReason.Drained))
        {
            return false;
        }

        if (!Extras.MakeOutbox().TryEnqueue(message, Settings.MaxSendQueue))
        {
            return false;
        }

        PushOutbox();
        return true;
    }

    /// <summary>Sends what can be sent now of the messages of others; the rest goes out when the socket says that it is writable. From any thread.</summary>
    internal abstract void PushOutbox();

    public override void Abort(ConnectionAbortedException abortReason) => End(CloseReason.Aborted);

    public override void Abort() => End(CloseReason.Aborted);

    /// <summary>
    /// Ends the connection for <paramref name="reason"/>, from any thread: wakes a read or flush that waits, which then tells its handler.
    /// The first reason is the connection's, and only it returns true.
    /// </summary>
    internal bool End(CloseReason reason)
    {
        CloseReason before = (CloseReason)Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)CloseReason.None);
        if (before == CloseReason.Drained && reason is not (CloseReason.Drained or CloseReason.Completed))
        {
            // A drain only asks: whatever then ends the connection is its reason.
            before = (CloseReason)Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)CloseReason.Drained) is CloseReason.Drained
                ? CloseReason.None
                : CloseReason;
        }

        if (before != CloseReason.None)
        {
            if (reason is CloseReason.Aborted or CloseReason.DrainCut && !IsHandedOver)
            {
                Socket.Reset(); // it ends already, but its handler does not: harder
                Wake();
            }

            return false;
        }

        switch (reason)
        {
            case var _ when IsHandedOver:
                break; // the handler hears of it, and sees to the process first
            case CloseReason.Completed or CloseReason.PeerReset:
                break; // it has ended already; only the reason is noted
            case CloseReason.Drained:
                Socket.Shutdown(SocketShutdown.Receive); // the handler may still say goodbye
                Wake();
                return true;
            case CloseReason.Aborted or CloseReason.DrainCut or CloseReason.WriteTimeout or CloseReason.HandlerFailed or CloseReason.UnreadLimit or CloseReason.DescriptorLimit:
                Socket.Reset();
                break;
            default:
                Socket.Shutdown(SocketShutdown.Both);
                break;
        }

        FireConnectionClosed();
        Wake();
        return true;
    }

    /// <summary>The connection was ended, by any thread: whoever waits looks at it, also where the kernel does not say so.</summary>
    private protected virtual void Wake()
    {
    }

    /// <summary>
    /// The server drains: tells the handler, and ends the read of one that waits with nothing unread. The drain calls it again and again
    /// until the connection has ended, so a handler that goes into its read at this very moment is not missed.
    /// </summary>
    internal void RequestDrain()
    {
        if (TryMark(Marks.CloseRequested))
        {
            FireCloseRequested();
        }

        if (WaitsIdle)
        {
            End(CloseReason.Drained);
        }
    }

    /// <summary>Whether a read may not wait, because the server drains and no work is in flight.</summary>
    internal bool MayNotWait
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => CloseRequested && !HasUnread && !InUnit;
    }


    /// <summary>True for the one caller who may give the socket up.</summary>
    private protected bool TryBeginClose() => TryMark(Marks.Closed);

    private bool Has(Marks mark) => (Volatile.Read(ref _marks) & (int)mark) != 0;

    // True for the one who set it.
    private bool TryMark(Marks mark) => (Interlocked.Or(ref _marks, (int)mark) & (int)mark) == 0;

    /// <summary>The exception for a call on a connection that has ended.</summary>
    internal Exception EndedException() => CloseReason switch
    {
        CloseReason.PeerReset => new ConnectionResetException("The peer reset the connection."),
        CloseReason.UnreadLimit => new ConnectionAbortedException(
            $"{ErrorIds.UnreadLimit}: {Settings.MaxUnread} bytes were examined and none consumed; consume as you read, or raise MaxUnread."),
        CloseReason.DescriptorLimit => new ConnectionAbortedException(
            $"{ErrorIds.DescriptorLimit}: the peer has passed more than {ReceivedDescriptors.Most} descriptors that were not taken, or more than this process can have; take them as you read."),
        CloseReason.None => new ConnectionAbortedException("The connection has ended."),
        CloseReason reason => new ConnectionAbortedException($"The connection has ended: {reason}."),
    };
}
