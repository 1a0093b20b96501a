using System.Diagnostics;
using System.Runtime.CompilerServices;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Datagrams;
using Sluice.Diagnostics;
using Sluice.Looping;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Models.Completion;

/// <summary>
/// The proactor: what connections want is written to a ring, one system call a turn hands it to the kernel and waits, and completions say what was
/// done. A connection's slot and descriptor are used again only when each operation on it has completed.
/// </summary>
internal sealed class RingLoop : Loop
{
    private readonly LoopGroup _group;
    private readonly LoopTicks _ticks;
    private readonly ConnectionSlots _slots = new(first: 0);
    private readonly RingAcceptor? _acceptor;
    private readonly RingDatagrams _datagrams;
    private List<RingConnection> _unconfirmed = [];
    private List<RingConnection> _unconfirmedNow = [];
    private List<RingConnection> _starved = [];
    private List<RingConnection> _starvedNow = [];

    public RingLoop(int index, LoopGroup group, ServerContext server, IoUring ring)
        : base(index, server)
    {
        _group = group;
        Ring = ring;
        Queues = new ReceiveQueues(ring.Buffers);
        _ticks = new LoopTicks(index, server.Events, server.Options.LoopMaxWait);
        _acceptor = index == 0 ? new RingAcceptor(server, ring, (listener, socket) => _group.Dispatch(this, listener, socket)) : null;
        _datagrams = new RingDatagrams(ring, new LoopDatagrams(server, index, group.Count, LookAtListeners));
    }

    public IoUring Ring { get; }

    public ReceiveQueues Queues { get; }

    public SendArena Sends { get; } = new();

    /// <summary>The place in the ring of the last send that does not wait, whosever it is: only that one can be made longer.</summary>
    public uint LastSend { get; set; }

    /// <summary>Counts the sends that do not wait. They complete in their order.</summary>
    public uint SendsMade { get; set; }

    /// <summary>Counts those that have completed, and whose connection knows if something was left.</summary>
    public uint SendsDone { get; private set; }

    public override int Count => _slots.Count;

    protected override bool IsEmpty => _slots.Count == 0 && _acceptor is not { HasEnded: false } && _datagrams.IsOver;

    protected override long NextDuty => Math.Min(_acceptor?.NextLook ?? long.MaxValue, _datagrams.NextLook);

    public override void ForEach<T>(Action<StreamConnection, T> what, T with) => _slots.ForEach(what, with);

    public override void Expect() => _slots.Expect();

    public override void LookAtListeners() => Post(static loop => ((RingLoop)loop!).DoDuty(), this);

    public override void Adopt(Listener listener, StreamSocket socket)
    {
        var connection = new RingConnection(this, socket, _slots.NextToken()) { Listener = listener };
        _slots.Put(connection);
        connection.Begin();
        connection.Start();
    }

    /// <summary>Nothing of a connection is in flight any more, and its descriptor is closed.</summary>
    public void Release(RingConnection connection)
    {
        _slots.Free(connection.Token);
        _slots.Unexpect();
    }

    /// <summary>Tells a connection when its last send has completed (<see cref="RingConnection.OnConfirmed"/>).</summary>
    public void AwaitConfirmation(RingConnection connection) => _unconfirmed.Add(connection);

    /// <summary>Tells a connection when there are buffers to receive into (<see cref="RingConnection.OnBuffers"/>).</summary>
    public void Starve(RingConnection connection) => _starved.Add(connection);

    public override void Dispose()
    {
        Debug.Assert(!IsEmpty || Ring.Buffers.Lent == 0, "a buffer of the ring was taken and not returned");
        _acceptor?.Dispose();
        _datagrams.Dispose();
        Ring.Dispose();
        base.Dispose();
    }

    protected override void Begin()
    {
        Ring.Start();
        WatchWakeUp();
        if (_acceptor is not null)
        {
            Server.Events.RaiseAccepting();
        }

        DoDuty();
    }

    // By itself, so that no local of the turn before keeps a connection alive while the thread waits here.
    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override int Wait(int milliseconds)
    {
        Feed();
        int wait = _unconfirmed.Count > 0 ? 0 : _ticks.AreWatched ? _ticks.BeforeWait(milliseconds) : milliseconds;
        if (Ring.Enter(1, wait) is var error && error != NativeError.None)
        {
            throw new InvalidOperationException($"io_uring_enter failed: {error}");
        }

        if (Ring.IsAllSubmitted && !Ring.Overflowed)
        {
            Sends.Turn();
        }

        return 0; // the ring itself knows
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    protected override void Handle(int count)
    {
        if (_ticks.AreWatched)
        {
            _ticks.AfterWait(WhatIsReady(), _slots.Count + (_acceptor?.Count ?? 0) + _datagrams.Count);
        }

        while (Ring.TryTake(out RingCompletion completion))
        {
            RingOperation operation = RingToken.OperationOf(completion.Token);
            if (operation == RingOperation.Receive)
            {
                OnReceived(completion, RingToken.RestOf(completion.Token));
            }
            else if (operation == RingOperation.SendNow)
            {
                SendsDone++;
                if (completion.Count != RingToken.CountOf(completion.Token))
                {
                    OnLeftOver(completion);
                }
            }
            else
            {
                On(completion, operation, RingToken.RestOf(completion.Token));
            }
        }

        if (_unconfirmed.Count > 0)
        {
            Confirm();
        }
    }

    protected override void OnStopping()
    {
        _acceptor?.Stop();
        _datagrams.Stop(callback => Post(callback, state: null));
        DoDuty();
    }

    protected override LoopConnection? Find(ulong token) => _slots.Find(token);

    protected override void OnDue(int slot) => _slots.At(slot)?.OnDue();

    protected override void DoDuty()
    {
        _datagrams.Look(Now);
        if (_acceptor is not null && _acceptor.Look())
        {
            _group.AcceptingEnded();
        }
    }

    // Everything but a receive and a send that does not wait.
    private void On(in RingCompletion completion, RingOperation operation, ulong rest)
    {
        switch (operation)
        {
            case RingOperation.WakeUp when !completion.HasMore:
                WatchWakeUp();
                break;
            case RingOperation.Accept:
                BeginStep();
                _acceptor!.OnAccepted(rest, completion, Now);
                DoDuty();
                break;
            case RingOperation.Datagrams:
                BeginStep();
                _datagrams.OnReadable(rest, completion, Now, mayServe: _acceptor?.IsOver(Now) != true);
                if (!Server.HasBudget)
                {
                    DoDuty();
                }

                break;
            case RingOperation.SendRest when _slots.Find(rest) is RingConnection connection:
                BeginStep(rest);
                connection.OnSent(completion);
                break;
            case RingOperation.HangUp when _slots.Find(rest) is RingConnection connection:
                BeginStep(rest);
                connection.OnHangUp(completion);
                break;
            case RingOperation.Cancel when _slots.Find(rest) is RingConnection connection:
                BeginStep(rest);
                connection.OnCanceled(completion);
                break;
        }
    }

    private void OnLeftOver(in RingCompletion completion)
    {
        var connection = (RingConnection)_slots.At(RingToken.SlotOf(completion.Token))!;
        BeginStep(connection.Token);
        connection.OnLeftOver(completion);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void OnReceived(in RingCompletion completion, ulong token)
    {
        if (_slots.Find(token) is RingConnection connection)
        {
            BeginStep(token);
            connection.OnReceived(completion);
        }
        else
        {
            DropReceived(completion);
        }
    }

    private void DropReceived(in RingCompletion completion)
    {
        if (completion.HasBuffer)
        {
            Ring.Buffers.Take(); // whose it was is gone
            Ring.Buffers.Return(completion.BufferId);
        }
    }

    // Told at each write, though nobody reads the eventfd: its count does not matter.
    private void WatchWakeUp() => Ring.PollMultishot(WakeUp.Number, RingToken.Of(RingOperation.WakeUp, 0));

    // What was kept by handlers that do not read is made up for with spare buffers, and who had none tries again.
    private void Feed()
    {
        if (_starved.Count > 0)
        {
            Ring.Buffers.Grow();
        }
        else if (!Ring.Buffers.IsLow)
        {
            return;
        }

        Ring.Buffers.FillUp();
        if (Ring.Buffers.Offered > 0)
        {
            (_starved, _starvedNow) = (_starvedNow, _starved);
            foreach (RingConnection connection in _starvedNow)
            {
                connection.OnBuffers();
            }

            _starvedNow.Clear();
        }
    }

    private void Confirm()
    {
        (_unconfirmed, _unconfirmedNow) = (_unconfirmedNow, _unconfirmed);
        foreach (RingConnection connection in _unconfirmedNow)
        {
            if (connection.HasOpenSend)
            {
                _unconfirmed.Add(connection); // its completion waits for room in the queue
                continue;
            }

            BeginStep(connection.Token);
            try
            {
                connection.OnConfirmed();
            }
            catch (Exception error)
            {
                Fail(error);
            }
        }

        _unconfirmedNow.Clear();
    }

    private List<LoopReady> WhatIsReady()
    {
        var ready = new List<LoopReady>();
        for (int i = 0; i < Ring.Ready; i++)
        {
            ulong token = Ring.TokenAt(i);
            ulong rest = RingToken.RestOf(token);
            if (RingToken.OperationOf(token) == RingOperation.Receive && _slots.Find(rest) is { IsClosed: false } connection)
            {
                ready.Add(new LoopReady(connection.Socket.Descriptor, IsListener: false, connection.LocalEndPoint, connection.RemoteEndPoint));
            }
            else if (RingToken.OperationOf(token) == RingOperation.Datagrams)
            {
                DatagramReceiver receiver = _datagrams[rest];
                ready.Add(new LoopReady(receiver.Descriptor, IsListener: false, receiver.Listener.LocalEndPoint, RemoteEndPoint: null));
            }
            else if (RingToken.OperationOf(token) == RingOperation.Accept)
            {
                Listener listener = _acceptor!.Listener(rest);
                ready.Add(new LoopReady((int)(listener.Handle?.DangerousGetHandle() ?? -1), IsListener: true, listener.LocalEndPoint, RemoteEndPoint: null));
            }
        }

        return ready;
    }
}
