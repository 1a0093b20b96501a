using System.Runtime.CompilerServices;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Datagrams;
using Sluice.Diagnostics;
using Sluice.Looping;
using Sluice.Transports;

namespace Sluice.Models.Readiness;

using Sluice.Native; // in here, where its Readiness comes before this namespace of the same name

/// <summary>
/// The reactor: asks its poller which sockets are ready, and has each make its own I/O call. Slot 0 is the wake-up, the next ones are the
/// listeners (of the loop that accepts) and the datagram sockets, the others are connections.
/// </summary>
internal sealed class EventLoop : Loop
{
    private const ulong WakeUpToken = 0;

    private readonly LoopGroup _group;
    private readonly LoopTicks _ticks;
    private readonly ConnectionSlots _slots;
    private readonly LoopAcceptor? _acceptor;
    private readonly WatchedListener[] _listeners;
    private readonly LoopDatagrams _datagrams;
    private readonly bool[] _watchesDatagrams;
    private readonly ulong _own; // the last slot that is no connection's
    private bool _acceptingEnded;
    private int _handled; // events of this turn

    public EventLoop(int index, LoopGroup group, ServerContext server, Poller poller)
        : base(index, server)
    {
        _group = group;
        Poller = poller;
        _ticks = new LoopTicks(index, server.Events, server.Options.LoopMaxWait);
        _acceptor = index == 0 ? new LoopAcceptor(server, (listener, socket) => _group.Dispatch(this, listener, socket)) : null;
        _listeners = _acceptor is null ? [] : [.. server.Listeners.Select(listener => new WatchedListener(listener))];
        _datagrams = new LoopDatagrams(server, index, group.Count, LookAtDatagrams);
        _watchesDatagrams = new bool[_datagrams.Count];
        _own = (ulong)(_listeners.Length + _datagrams.Count);
        _slots = new ConnectionSlots(first: (int)_own + 1);
    }

    public Poller Poller { get; }

    public SendBatch Sends { get; } = new();

    public override int Count => _slots.Count;

    protected override bool IsEmpty => _slots.Count == 0 && _datagrams.IsOver;

    protected override long NextDuty => Math.Min(_acceptor is null || _acceptingEnded ? long.MaxValue : _acceptor.NextLook, _datagrams.NextLook);

    public override void ForEach<T>(Action<StreamConnection, T> what, T with) => _slots.ForEach(what, with);

    public override void Expect() => _slots.Expect();

    public override void LookAtListeners() => Post(static loop => ((EventLoop)loop!).DoDuty(), this);

    private void LookAtDatagrams() => Post(static loop => ((EventLoop)loop!).WatchDatagrams(), this);

    public override void Adopt(Listener listener, StreamSocket socket)
    {
        ulong token = _slots.NextToken();
        if (!Poller.TryAdd(socket.Descriptor, token, level: false))
        {
            _slots.Free(token);
            _slots.Unexpect();
            BlockingAcceptor.Refuse(Server, listener, socket, RefuseReason.NoWatch);
            return;
        }

        ReadyConnection connection = socket is PassingStreamSocket passing
            ? new PassingConnection(this, passing, token) { Listener = listener }
            : new ReadyConnection(this, socket, token) { Listener = listener };
        _slots.Put(connection);
        connection.Start();
    }

    /// <summary>The connection is closed. Its descriptor is not, yet.</summary>
    public void Forget(LoopConnection connection, int descriptor)
    {
        Poller.Remove(descriptor, closing: true);
        _slots.Free(connection.Token);
        _slots.Unexpect();
    }

    public override void Dispose()
    {
        foreach (WatchedListener listener in _listeners)
        {
            listener.Dispose();
        }

        _datagrams.Dispose();
        Poller.Dispose();
        base.Dispose();
    }

    protected override void Begin()
    {
        Poller.TryAdd(WakeUp.Number, WakeUpToken, level: true);
        for (int i = 0; i < _listeners.Length; i++)
        {
            Poller.TryAdd(_listeners[i].Descriptor, Token(i), level: true);
        }

        for (int i = 0; i < _datagrams.Count; i++)
        {
            WatchDatagrams(i, mayReceive: true);
        }

        if (_acceptor is not null)
        {
            Server.Events.RaiseAccepting();
            DoDuty();
        }
    }

    // By itself, so that no local of the turn before keeps a connection alive while the thread waits here.
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override int Wait(int milliseconds)
    {
        _handled = 0;
        int wait = _ticks.AreWatched ? _ticks.BeforeWait(milliseconds) : milliseconds;
        if (!Sends.IsEmpty)
        {
            Sends.SendAll();
            wait = 0; // something new may be due now
        }

        return Poller.Wait(wait);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override void Handle(int count)
    {
        if (_handled == 0 && _ticks.AreWatched)
        {
            _ticks.AfterWait(WhatIsReady(count), Poller.Watched - 1);
        }

        while (_handled < count)
        {
            Readiness readiness = Poller.Event(_handled++, out ulong token);
            if (token > _own)
            {
                if (_slots.Find(token) is { } connection)
                {
                    BeginStep(token);
                    ((ReadyConnection)connection).On(readiness);
                }
            }
            else if (token == WakeUpToken)
            {
                WakeUp.Reset();
            }
            else if (token > (ulong)_listeners.Length)
            {
                BeginStep();
                Receive((int)token - 1 - _listeners.Length);
            }
            else
            {
                BeginStep();
                Accept((int)token - 1);
            }
        }
    }

    protected override void OnStopping()
    {
        _acceptor?.Stop();
        for (int i = 0; i < _datagrams.Count; i++)
        {
            Poller.Remove(_datagrams[i].Descriptor, closing: false);
        }

        _datagrams.Stop(receiver => Post(_ => _datagrams.Close(receiver), state: null));
        DoDuty();
    }

    protected override void SendKept() => Sends.SendAll();

    protected override LoopConnection? Find(ulong token) => _slots.Find(token);

    protected override void OnDue(int slot) => _slots.At(slot)?.OnDue();

    /// <summary>Watches the listeners that may accept, and no others: a level-triggered one that nobody accepts from would spin the loop.</summary>
    protected override void DoDuty()
    {
        if (!IsStopping && _datagrams.NextLook <= Now)
        {
            WatchDatagrams();
        }

        if (_acceptor is null || _acceptingEnded)
        {
            return;
        }

        if (_acceptor.IsOver(Now))
        {
            _acceptingEnded = true;
            for (int i = 0; i < _listeners.Length; i++)
            {
                Poller.Remove(_listeners[i].Descriptor, closing: false);
                _listeners[i].Dispose(); // the socket listens no longer on behalf of this loop, which may go on for a while
            }

            _group.AcceptingEnded();
            return;
        }

        for (int i = 0; i < _listeners.Length; i++)
        {
            Poller.WantRead(_listeners[i].Descriptor, Token(i), _acceptor.Wants(i, Now));
        }
    }

    private static ulong Token(int listener) => (ulong)listener + 1;

    private ulong DatagramToken(int index) => (ulong)(_listeners.Length + index + 1);

    // One batch for an event: a level-triggered socket that has more is told of again, and the others have their turn before.
    private void Receive(int index)
    {
        if (_acceptor?.IsOver(Now) == true)
        {
            return; // a connection of this turn was the one that was asked for
        }

        // While a poller waits on a socket, each datagram that leaves it tells the poller of room to send, which nobody wants to know: 240 ns of an echo under epoll,
        // and a burst is worth two calls to be without.
        DatagramReceiver receiver = _datagrams[index];
        if (receiver.IsBusy && _watchesDatagrams[index])
        {
            Poller.Remove(receiver.Descriptor, closing: false);
            _watchesDatagrams[index] = false;
        }

        receiver.Serve();
        if (!_watchesDatagrams[index] || !receiver.MayReceive(Now))
        {
            WatchDatagrams();
        }
    }

    // Those that may receive, and no others: a level-triggered one that nobody receives from would spin the loop.
    private void WatchDatagrams()
    {
        if (IsStopping)
        {
            return;
        }

        long now = Environment.TickCount64;
        for (int i = 0; i < _datagrams.Count; i++)
        {
            if (_datagrams[i].HasHeld && _datagrams[i].MayReceive(now))
            {
                _datagrams[i].Serve(); // the poller knows nothing of these
            }

            WatchDatagrams(i, _datagrams[i].MayReceive(now));
        }

        if (!Server.HasBudget)
        {
            DoDuty();
        }
    }

    private void WatchDatagrams(int index, bool mayReceive)
    {
        DatagramReceiver receiver = _datagrams[index];
        if (_watchesDatagrams[index])
        {
            Poller.WantRead(receiver.Descriptor, DatagramToken(index), mayReceive);
        }
        else if (mayReceive)
        {
            _watchesDatagrams[index] = Poller.TryAdd(receiver.Descriptor, DatagramToken(index), level: true);
            if (!_watchesDatagrams[index])
            {
                receiver.Rest(); // the system is short of memory; it is tried again
            }
        }
    }

    // An accept(2) that finds nobody costs as much as one that does, so one is made per event; a listener that is ready turn after turn has a
    // queue, and gets more each time.
    private void Accept(int index)
    {
        WatchedListener listener = _listeners[index];
        int most = listener.NextMost(LoopPolicy.AcceptsPerTurn, Turns);
        bool any = false;
        for (int i = 0; i < most && _acceptor!.Wants(index, Now); i++)
        {
            if (!_acceptor.TryAccept(index, Now))
            {
                listener.Drained();
                break;
            }

            any = true;
        }

        if (any && !_acceptor!.IsOver(Now))
        {
            Server.Events.RaiseAccepting();
        }

        DoDuty();
    }

    private List<LoopReady> WhatIsReady(int count)
    {
        var ready = new List<LoopReady>(count);
        for (int i = 0; i < count; i++)
        {
            _ = Poller.Event(i, out ulong token);
            if (token > _own)
            {
                if (_slots.Find(token) is { } connection)
                {
                    ready.Add(new LoopReady(connection.Socket.Descriptor, IsListener: false, connection.LocalEndPoint, connection.RemoteEndPoint));
                }
            }
            else if (token > (ulong)_listeners.Length)
            {
                DatagramReceiver receiver = _datagrams[(int)token - 1 - _listeners.Length];
                ready.Add(new LoopReady(receiver.Descriptor, IsListener: false, receiver.Listener.LocalEndPoint, RemoteEndPoint: null));
            }
            else if (token != WakeUpToken)
            {
                // A listener that the server closed is readable by that, until the loop hears of the stop: a wake-up of our own, and no turn.
                Listener listener = _acceptor!.Listener((int)token - 1);
                if (!listener.IsClosed)
                {
                    ready.Add(new LoopReady((int)(listener.Handle?.DangerousGetHandle() ?? -1), IsListener: true, listener.LocalEndPoint, RemoteEndPoint: null));
                }
            }
        }

        return ready;
    }
}
