using Sluice.Accepting;
using Sluice.Transports;

namespace Sluice.Looping;

/// <summary>
/// The accept loops of the loop that accepts: which listeners to watch now, and what comes of a result. It has no thread of its own; the loop
/// calls it, and looks again at <see cref="NextLook"/> or when <c>changed</c> was called.
/// </summary>
internal sealed class LoopAcceptor
{
    private readonly ServerContext _server;
    private readonly AcceptLoop[] _loops;
    private readonly long[] _notBefore; // TickCount64, while a listener backs off; long.MaxValue: it has stopped
    private readonly Action<Listener, StreamSocket> _dispatch;
    private readonly long _giveUpAt;
    private int? _budget;
    private bool _stopped;

    public LoopAcceptor(ServerContext server, Action<Listener, StreamSocket> dispatch)
    {
        _server = server;
        _dispatch = dispatch;
        _loops = [.. server.Listeners.Select(listener => new AcceptLoop(listener, server.Gate, server.Events, server.AcceptBudget))];
        _notBefore = new long[_loops.Length];
        _budget = server.AcceptBudget;
        _giveUpAt = server.AcceptTimeout == Timeout.InfiniteTimeSpan ? long.MaxValue : Environment.TickCount64 + (long)server.AcceptTimeout.TotalMilliseconds;
    }

    public int Count => _loops.Length;

    /// <summary>Whether no listener will accept again, and no datagram is waited for.</summary>
    public bool IsOver(long now) => _stopped || _budget is 0 || !_server.HasBudget || now >= _giveUpAt
        || (_server.Datagrams.Count == 0 && Array.TrueForAll(_notBefore, time => time == long.MaxValue));

    /// <summary>When something changes by itself: a back-off ends, or the wait for a first connection.</summary>
    public long NextLook
    {
        get
        {
            long next = _stopped ? long.MaxValue : _giveUpAt;
            foreach (long time in _notBefore)
            {
                next = time > 0 ? Math.Min(next, time) : next;
            }

            return next;
        }
    }

    public Listener Listener(int index) => _loops[index].Listener;

    /// <summary>Accepts no more.</summary>
    public void Stop() => _stopped = true;

    /// <summary>Whether to look for the next connection on a listener now.</summary>
    public bool Wants(int index, long now)
    {
        if (_stopped || _budget is 0 || !_server.HasBudget || _notBefore[index] > now)
        {
            return false;
        }

        _notBefore[index] = 0;
        return _loops[index].MayAccept();
    }

    /// <summary>Just before accept(2): takes the connection's place where the gate has to have one. False: there is none after all.</summary>
    public bool TryReserve(int index) => _loops[index].TryReserve();

    /// <summary>One accept(2) and what comes of it. False: look again when the listener is ready again.</summary>
    public bool TryAccept(int index, long now)
    {
        if (!TryReserve(index))
        {
            return false;
        }

        AcceptResult result = _loops[index].Listener.TryAccept();
        return On(index, result, now) && result.Error != AcceptError.WouldBlock;
    }

    /// <summary>What comes of a result. False: the listener rests for a while, or for good.</summary>
    public bool On(int index, in AcceptResult result, long now)
    {
        AcceptLoop loop = _loops[index];
        AcceptDecision decision = loop.On(result);
        switch (decision.Action)
        {
            case AcceptAction.HandOver:
                _budget--;
                _server.Events.RaiseConnectionAccepted(loop.Listener, decision.Connection!);
                _dispatch(loop.Listener, decision.Connection!);
                return true;
            case AcceptAction.Refuse:
                _server.Events.RaiseConnectionRefused(loop.Listener, decision.Connection!, decision.Reason);
                decision.Connection!.Close();
                return true;
            case AcceptAction.RetryAfter:
                _notBefore[index] = now + (long)decision.Delay.TotalMilliseconds;
                return false;
            case AcceptAction.Stop:
                _notBefore[index] = long.MaxValue;
                return false;
            default:
                return true;
        }
    }
}
