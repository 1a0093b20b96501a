using Sluice.Datagrams;
using Sluice.Transports;

namespace Sluice.Accepting;

/// <summary>
/// The accept loop of every model that accepts on a thread: waits, accepts, asks <see cref="AcceptLoop"/> and does as it says; and receives datagrams. Stopping
/// and a free place wake it; nothing here polls.
/// </summary>
internal sealed class BlockingAcceptor
{
    // The most datagrams that are taken at once to be handed over: those that nobody has taken are seen by all who share the socket.
    private const int FewDatagrams = 16;

    private readonly ServerContext _server;
    private readonly AcceptLoop[] _loops;
    private readonly DatagramReceiver[] _receivers;
    private readonly int _datagramsAtOnce;
    private readonly bool[] _wanted; // listeners, then receivers
    private readonly long[] _notBefore; // TickCount64, while a loop backs off

    /// <param name="server">For whom.</param>
    /// <param name="waits">Whether the handlers of datagrams run on threads that may wait.</param>
    /// <param name="datagramsAtOnce">How many datagrams are taken at once to be handed over.</param>
    public BlockingAcceptor(ServerContext server, bool waits = true, int datagramsAtOnce = FewDatagrams)
    {
        (_server, _datagramsAtOnce) = (server, datagramsAtOnce);
        _loops = [.. server.Listeners.Select(listener => new AcceptLoop(listener, server.Gate, server.Events, server.AcceptBudget))];
        _receivers = [.. server.Datagrams.Select(listener => new DatagramReceiver(listener, server, waits))];
        _wanted = new bool[_loops.Length + _receivers.Length];
        _notBefore = new long[_loops.Length];
    }

    /// <summary>
    /// Accepts until <paramref name="stop"/>, the budget or the timeout, and calls <paramref name="dispatch"/> with each connection, which
    /// holds a place of the gate, and <paramref name="dispatchDatagram"/> with each datagram, which goes back to its receiver; without it, datagrams are served
    /// here. Called on the accepting thread. What handlers of datagrams still send afterwards goes out until <see cref="Close"/>.
    /// </summary>
    public void Run(Action<Listener, StreamSocket> dispatch, Action<ReceivedDatagram>? dispatchDatagram, CancellationToken stop)
    {
        using var signal = new AcceptSignal(_server.Listeners, _receivers);
        using CancellationTokenRegistration wake = stop.UnsafeRegister(static signal => ((AcceptSignal)signal!).Set(), signal);
        Action freed = signal.Set;
        _server.Gate.OnFreed(freed);
        _server.DatagramPlaces.OnFreed(freed);
        long giveUpAt = _server.AcceptTimeout == Timeout.InfiniteTimeSpan ? long.MaxValue : Environment.TickCount64 + (long)_server.AcceptTimeout.TotalMilliseconds;
        int? budget = _server.AcceptBudget;
        try
        {
            bool announce = true;
            while (!stop.IsCancellationRequested && budget is not 0 && _server.HasBudget)
            {
                if (announce)
                {
                    _server.Events.RaiseAccepting();
                    announce = false;
                }

                long now = Environment.TickCount64;
                if (now >= giveUpAt || !ChooseWanted(now, giveUpAt, out TimeSpan wait))
                {
                    return;
                }

                signal.Wait(_wanted, wait);
                for (int i = 0; i < _loops.Length && budget is not 0 && !stop.IsCancellationRequested; i++)
                {
                    if (_wanted[i] && signal.IsReady(i) && TryAccept(i, dispatch))
                    {
                        budget--;
                        announce = true;
                    }
                }

                for (int i = 0; i < _receivers.Length && budget is not 0 && !stop.IsCancellationRequested; i++)
                {
                    if (_wanted[_loops.Length + i] && (signal.HasDatagram(i) || _receivers[i].HasHeld))
                    {
                        Receive(_receivers[i], dispatchDatagram);
                    }
                }
            }
        }
        finally
        {
            _server.Gate.NotOnFreed(freed);
            _server.DatagramPlaces.NotOnFreed(freed);
            Array.ForEach(_receivers, receiver => receiver.Stop());
        }
    }

    /// <summary>Ends when no handler of a datagram runs any more and nothing is left that may send, after <see cref="Run"/>.</summary>
    public async Task DatagramsEndedAsync()
    {
        await Task.WhenAll(_receivers.Select(receiver => receiver.Ended));
        if (_receivers.Length > 0 && _server.DatagramRunner?.Quiet is { } quiet)
        {
            await quiet();
        }
    }

    /// <summary>Closes as soon as no handler of a datagram runs any more, for those who do not wait for that.</summary>
    public async Task CloseLaterAsync()
    {
        await Task.WhenAll(_receivers.Select(receiver => receiver.Ended));
        Close();
    }

    /// <summary>Nothing may send any more.</summary>
    public void Close() => Array.ForEach(_receivers, receiver => receiver.Dispose());

    /// <summary>Closes a connection that was dispatched and cannot be served after all.</summary>
    public static void Refuse(ServerContext server, Listener listener, StreamSocket socket, RefuseReason reason)
    {
        ulong source = server.Gate.SourceOf(socket);
        server.Events.RaiseConnectionRefused(listener, socket, reason);
        socket.Close();
        server.Gate.Uncount(source);
        server.Gate.GiveBack();
    }

    // Which listeners to watch now, and for how long; false when none will accept again.
    private bool ChooseWanted(long now, long giveUpAt, out TimeSpan wait)
    {
        long until = giveUpAt;
        bool any = false;
        for (int i = 0; i < _loops.Length; i++)
        {
            bool stopped = _notBefore[i] == long.MaxValue;
            bool backsOff = !stopped && _notBefore[i] > now;
            any |= !stopped;
            if (backsOff)
            {
                until = Math.Min(until, _notBefore[i]);
            }

            _wanted[i] = !stopped && !backsOff && _loops[i].MayAccept();
        }

        for (int i = 0; i < _receivers.Length; i++)
        {
            DatagramReceiver receiver = _receivers[i];
            any |= !receiver.IsStopped;
            until = receiver.NotBefore > now ? Math.Min(until, receiver.NotBefore) : until;
            _wanted[_loops.Length + i] = receiver.MayReceive(now);
            until = _wanted[_loops.Length + i] && receiver.HasHeld ? now : until; // poll(2) knows nothing of these
        }

        wait = until == long.MaxValue ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(until - now);
        return any;
    }

    // One that serves here serves what there is; one that hands over takes few, because others may share the socket.
    private void Receive(DatagramReceiver receiver, Action<ReceivedDatagram>? dispatch)
    {
        if (dispatch is null)
        {
            receiver.Serve();
        }
        else
        {
            receiver.Dispatch(_datagramsAtOnce, dispatch);
        }
    }

    private bool TryAccept(int index, Action<Listener, StreamSocket> dispatch)
    {
        AcceptLoop loop = _loops[index];
        if (!loop.TryReserve())
        {
            return false;
        }

        AcceptDecision decision = loop.On(loop.Listener.TryAccept());
        switch (decision.Action)
        {
            case AcceptAction.HandOver:
                _server.Events.RaiseConnectionAccepted(loop.Listener, decision.Connection!);
                dispatch(loop.Listener, decision.Connection!);
                return true;
            case AcceptAction.Refuse:
                _server.Events.RaiseConnectionRefused(loop.Listener, decision.Connection!, decision.Reason);
                decision.Connection!.Close();
                return false;
            case AcceptAction.RetryAfter:
                _notBefore[index] = Environment.TickCount64 + (long)decision.Delay.TotalMilliseconds;
                return false;
            case AcceptAction.Stop:
                _notBefore[index] = long.MaxValue;
                return false;
            default:
                return false;
        }
    }
}
