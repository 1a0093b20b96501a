using Sluice.Diagnostics;
using Sluice.Transports;

namespace Sluice.Accepting;

/// <summary>
/// The one accept loop, passive: a result goes in, a decision comes out. It has no thread and no clock, so that a blocking thread, a turn of
/// epoll, a multishot accept and a prefork worker all use it. One per listener; its callers take turns.
/// </summary>
internal sealed class AcceptLoop(StreamListener listener, ConnectionGate gate, ServerEvents events, int? budget = null)
{
    // A queue of connections that all failed gives errors to retry at once, but not for ever: then something else is wrong, and a spin burns a core.
    private const int MostRetriesInARow = 16;

    private static readonly TimeSpan ShortestDelay = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(500);

    private TimeSpan _delay = ShortestDelay;
    private int? _left = budget;
    private bool _holdsPlace;
    private int _retries;

    public StreamListener Listener { get; } = listener;

    /// <summary>
    /// Whether to look for the next connection; false: leave it in the kernel's queue until the gate says that a place is free.
    /// </summary>
    public bool MayAccept() => _left is not 0 && (gate.OnLimit == OnLimit.Refuse || gate.HasRoom);

    /// <summary>
    /// Just before accept(2), which a connection now waits for: in wait mode this takes its place beforehand. False: another listener's took
    /// the last one. No place is held while nobody comes, or one listener would keep the last place from another's clients.
    /// </summary>
    public bool TryReserve()
    {
        if (gate.OnLimit == OnLimit.Wait && !_holdsPlace)
        {
            _holdsPlace = gate.TryTake();
            return _holdsPlace;
        }

        return true;
    }

    // Nobody came after all: gives the place back.
    private void Release()
    {
        if (_holdsPlace)
        {
            _holdsPlace = false;
            gate.GiveBack();
        }
    }

    /// <summary>Decides about one accept(2).</summary>
    public AcceptDecision On(AcceptResult result) => result.Socket is { } socket ? OnConnection(socket) : OnError(result.Error);

    private AcceptDecision OnConnection(StreamSocket socket)
    {
        _delay = ShortestDelay;
        _retries = 0;
        if (!gate.Allows(socket))
        {
            Release();
            return AcceptDecision.Refuse(socket, RefuseReason.UserNotAllowed);
        }

        if (!_holdsPlace && !gate.TryTake())
        {
            return AcceptDecision.Refuse(socket, RefuseReason.MaxConnections);
        }

        _holdsPlace = false;
        if (!gate.TryCount(socket))
        {
            gate.GiveBack();
            return AcceptDecision.Refuse(socket, RefuseReason.MaxConnectionsPerSource);
        }

        _left--;
        return AcceptDecision.HandOver(socket);
    }

    private AcceptDecision OnError(AcceptError error)
    {
        Release();
        AcceptReaction reaction = AcceptErrorPolicy.For(error);
        if (error is not (AcceptError.WouldBlock or AcceptError.Interrupted) && !(reaction == AcceptReaction.Stop && error == AcceptError.ListenerClosed))
        {
            events.RaiseAcceptFailed(Listener, error, reaction);
        }

        switch (reaction)
        {
            case AcceptReaction.Retry when ++_retries <= MostRetriesInARow:
                return AcceptDecision.Again;
            case AcceptReaction.Stop:
                return AcceptDecision.Stop;
            default:
                TimeSpan delay = _delay;
                _delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
                return AcceptDecision.RetryAfter(delay);
        }
    }
}
