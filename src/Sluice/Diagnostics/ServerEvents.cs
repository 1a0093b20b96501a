using System.Net;
using Microsoft.AspNetCore.Connections;
using Sluice.Accepting;
using Sluice.Transports;

namespace Sluice.Diagnostics;

/// <summary>
/// What happens in a server, for whoever wants to know: log and metrics are two subscribers. Events are raised on the thread where it
/// happens, which waits for the subscriber; what a subscriber throws is counted in <see cref="SubscriberFailures"/> and serving goes on.
/// </summary>
public sealed class ServerEvents
{
    private long _subscriberFailures;

    /// <summary>The server's state changed.</summary>
    public event Action<ServerState>? StateChanged;

    /// <summary>An accepting thread is about to wait for the next connection.</summary>
    public event Action? Accepting;

    /// <summary>A connection was accepted and admitted; its handler has not started.</summary>
    public event Action<ConnectionAccepted>? ConnectionAccepted;

    /// <summary>A handler is about to run. Raised on the thread that runs it.</summary>
    public event Action<ConnectionContext>? ConnectionStarted;

    /// <summary>A connection has ended and is closed.</summary>
    public event Action<ConnectionEnded>? ConnectionEnded;

    /// <summary>A connection was closed at once, for the reason given.</summary>
    public event Action<ConnectionRefused>? ConnectionRefused;

    /// <summary>accept(2) failed.</summary>
    public event Action<AcceptFailed>? AcceptFailed;

    /// <summary>A handler threw on a datagram.</summary>
    public event Action<DatagramFailed>? DatagramFailed;

    /// <summary>A datagram could not be sent, and is lost.</summary>
    public event Action<DatagramNotSent>? DatagramNotSent;

    /// <summary>Datagrams were lost before a handler saw them.</summary>
    public event Action<DatagramsDropped>? DatagramsDropped;

    /// <summary>Receiving from a datagram socket failed.</summary>
    public event Action<ReceiveFailed>? ReceiveFailed;

    /// <summary>A drain is over.</summary>
    public event Action<DrainReport>? Drained;

    /// <summary>Something the operator should know once, in one line: a limit that was lowered, a default that was computed.</summary>
    public event Action<string>? Noticed;

    /// <summary>
    /// An event loop is about to wait. Raised on the loop's thread: a subscriber holds up every connection of the loop. After an internal
    /// wake-up (posted work, a deadline), which is no tick, the loop waits once more.
    /// </summary>
    public event Action<LoopWaiting>? LoopWaiting;

    /// <summary>
    /// An event loop's wait has ended with something ready, or because <see cref="SocketServerOptions.LoopMaxWait"/> passed; internal
    /// wake-ups are no ticks. Raised on the loop's thread before it serves what is ready: a subscriber holds up every connection of the loop.
    /// </summary>
    public event Action<LoopTick>? LoopTick;

    /// <summary>A handler keeps a loop's thread. Raised on the watchdog's thread while it does, once per type of handler.</summary>
    public event Action<LoopBlocked>? LoopBlocked;

    /// <summary>Connections are accepted now; raised once. In a process that replaces another, after that one has handed over.</summary>
    public event Action? Started;

    /// <summary>Processes are being replaced: the workers of <c>prefork</c>, or this one.</summary>
    public event Action<RestartStep>? Restart;

    /// <summary>How many times a subscriber has thrown.</summary>
    public long SubscriberFailures => Interlocked.Read(ref _subscriberFailures);

    internal void RaiseStateChanged(ServerState state) => Raise(StateChanged, state);

    internal void RaiseConnectionAccepted(Listener listener, StreamSocket socket)
    {
        if (ConnectionAccepted is { } subscribers)
        {
            Raise(subscribers, new ConnectionAccepted(listener, socket));
        }
    }

    internal void RaiseConnectionStarted(ConnectionContext connection) => Raise(ConnectionStarted, connection);

    internal void RaiseConnectionRefused(Listener listener, StreamSocket socket, RefuseReason reason)
    {
        if (ConnectionRefused is { } subscribers)
        {
            Raise(subscribers, new ConnectionRefused(listener, socket, reason));
        }
    }

    internal void RaiseAcceptFailed(Listener listener, AcceptError error, AcceptReaction reaction) =>
        Raise(AcceptFailed, new AcceptFailed(listener, error, reaction == AcceptReaction.BackOff, reaction == AcceptReaction.Stop));

    internal void RaiseConnectionEnded(in ConnectionEnded ended) => Raise(ConnectionEnded, ended);

    internal void RaiseDatagramFailed(in DatagramFailed failed) => Raise(DatagramFailed, failed);

    /// <summary>Whether anybody hears of it: an end point is made for nobody else.</summary>
    internal bool WatchesNotSent => DatagramNotSent is not null;

    internal void RaiseDatagramNotSent(in DatagramNotSent lost) => Raise(DatagramNotSent, lost);

    internal void RaiseDatagramsDropped(in DatagramsDropped dropped) => Raise(DatagramsDropped, dropped);

    internal void RaiseReceiveFailed(in ReceiveFailed failed) => Raise(ReceiveFailed, failed);

    internal void RaiseDrained(DrainReport report) => Raise(Drained, report);

    internal void RaiseNoticed(string line) => Raise(Noticed, line);

    /// <summary>Whether anybody wants ticks: without a subscriber a loop does not make them.</summary>
    internal bool WatchesTicks => LoopTick is not null;

    internal void RaiseLoopWaiting(int loop) => Raise(LoopWaiting, new LoopWaiting(loop));

    internal void RaiseLoopTick(LoopTick tick) => Raise(LoopTick, tick);

    internal void RaiseLoopBlocked(LoopBlocked blocked) => Raise(LoopBlocked, blocked);

    internal void RaiseStarted() => Raise(Started);

    internal void RaiseRestart(RestartStep step) => Raise(Restart, step);

    internal void RaiseAccepting() => Raise(Accepting);

    private void Raise(Action? subscribers)
    {
        if (subscribers is not null)
        {
            foreach (Action subscriber in Delegate.EnumerateInvocationList(subscribers))
            {
                try
                {
                    subscriber();
                }
                catch (Exception)
                {
                    Interlocked.Increment(ref _subscriberFailures);
                }
            }
        }
    }

    // Each subscriber by itself: one that throws must neither end the accept loop nor keep the others from hearing.
    private void Raise<T>(Action<T>? subscribers, T what)
    {
        if (subscribers is null)
        {
            return;
        }

        foreach (Action<T> subscriber in Delegate.EnumerateInvocationList(subscribers))
        {
            try
            {
                subscriber(what);
            }
            catch (Exception)
            {
                Interlocked.Increment(ref _subscriberFailures);
            }
        }
    }
}

/// <summary>A connection was accepted.</summary>
public readonly struct ConnectionAccepted
{
    private readonly StreamSocket _socket;

    internal ConnectionAccepted(Listener listener, StreamSocket socket) => (Listener, _socket) = (listener, socket);

    /// <summary>Where.</summary>
    public Listener Listener { get; }

    /// <summary>From whom; null for an unnamed Unix socket. Made each time it is asked for.</summary>
    public EndPoint? RemoteEndPoint => _socket.RemoteEndPoint;
}

/// <summary>A connection has ended.</summary>
/// <param name="Connection">The connection; closed, but its id, items and end points can be read.</param>
/// <param name="Listener">Where it was accepted.</param>
/// <param name="Reason">Why it ended.</param>
/// <param name="Failure">What the handler threw, if it did.</param>
/// <param name="Duration">How long it lived.</param>
/// <param name="BytesReceived">Bytes that the handler was given.</param>
/// <param name="BytesSent">Bytes that the kernel took.</param>
public readonly record struct ConnectionEnded(
    ConnectionContext Connection, Listener Listener, CloseReason Reason, Exception? Failure, TimeSpan Duration, long BytesReceived, long BytesSent);

/// <summary>A connection was refused.</summary>
public readonly struct ConnectionRefused
{
    private readonly StreamSocket _socket;

    internal ConnectionRefused(Listener listener, StreamSocket socket, RefuseReason reason) => (Listener, _socket, Reason) = (listener, socket, reason);

    /// <summary>Where.</summary>
    public Listener Listener { get; }

    /// <summary>By which limit.</summary>
    public RefuseReason Reason { get; }

    /// <summary>From whom; null for an unnamed Unix socket. Made each time it is asked for.</summary>
    public EndPoint? RemoteEndPoint => _socket.RemoteEndPoint;
}

/// <summary>accept(2) failed.</summary>
/// <param name="Listener">Where.</param>
/// <param name="Error">The error's name.</param>
/// <param name="BacksOff">Accepting pauses, because something ran out.</param>
/// <param name="Stops">The listener accepts no more.</param>
public readonly record struct AcceptFailed(Listener Listener, AcceptError Error, bool BacksOff, bool Stops);

/// <summary>A handler keeps a loop's thread.</summary>
/// <param name="Handler">The name of the handler's type; for a function, of the type that declares it.</param>
/// <param name="Loop">The loop's number, from 0.</param>
/// <param name="For">For how long already.</param>
public readonly record struct LoopBlocked(string Handler, int Loop, TimeSpan For);
