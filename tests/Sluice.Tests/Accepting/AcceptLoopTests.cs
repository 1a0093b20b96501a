using CsCheck;
using Sluice.Accepting;
using Sluice.Diagnostics;
using Sluice.Tests.Support;
using Sluice.Transports;

namespace Sluice.Tests.Accepting;

public sealed class AcceptLoopTests
{
    private readonly ServerEvents _events = new();
    private readonly StubListener _listener = new();

    [Fact]
    public void A_connection_is_handed_over_and_holds_a_place()
    {
        var gate = new ConnectionGate(2, perSource: null, OnLimit.Wait);
        AcceptLoop loop = Loop(gate);
        Assert.True(loop.MayAccept() && loop.TryReserve());

        var socket = new StubSocket();
        AcceptDecision decision = loop.On(AcceptResult.Accepted(socket));

        Assert.Equal(AcceptAction.HandOver, decision.Action);
        Assert.Same(socket, decision.Connection);
        Assert.Equal(1, gate.Taken);
    }

    [Fact]
    public void In_wait_mode_a_full_gate_leaves_the_connection_in_the_queue()
    {
        var gate = new ConnectionGate(1, perSource: null, OnLimit.Wait);
        AcceptLoop loop = Loop(gate);
        Assert.True(loop.MayAccept() && loop.TryReserve());
        loop.On(AcceptResult.Accepted(new StubSocket()));

        Assert.False(loop.MayAccept());
        gate.GiveBack();
        Assert.True(loop.MayAccept() && loop.TryReserve());
    }

    [Fact]
    public void Looking_takes_no_place_and_reserving_takes_one_which_goes_back_when_nobody_comes()
    {
        var gate = new ConnectionGate(1, perSource: null, OnLimit.Wait);
        AcceptLoop one = Loop(gate);
        AcceptLoop other = Loop(gate);
        Assert.True(one.MayAccept());
        Assert.Equal(0, gate.Taken);
        Assert.True(one.TryReserve());
        Assert.False(other.TryReserve());
        one.On(AcceptResult.Failed(AcceptError.WouldBlock));
        Assert.Equal(0, gate.Taken);
        Assert.True(other.TryReserve());
    }

    [Fact]
    public void In_refuse_mode_the_connection_above_the_maximum_is_refused_and_holds_nothing()
    {
        var gate = new ConnectionGate(1, perSource: null, OnLimit.Refuse);
        AcceptLoop loop = Loop(gate);
        loop.On(AcceptResult.Accepted(new StubSocket()));

        Assert.True(loop.MayAccept() && loop.TryReserve());
        AcceptDecision decision = loop.On(AcceptResult.Accepted(new StubSocket()));

        Assert.Equal((AcceptAction.Refuse, RefuseReason.MaxConnections), (decision.Action, decision.Reason));
        Assert.Equal(1, gate.Taken);
    }

    [Theory]
    [InlineData(OnLimit.Wait)]
    [InlineData(OnLimit.Refuse)]
    public void A_source_above_its_maximum_is_refused_and_gives_its_place_back(OnLimit onLimit)
    {
        var gate = new ConnectionGate(10, perSource: 1, onLimit);
        AcceptLoop loop = Loop(gate);
        Assert.True(loop.MayAccept() && loop.TryReserve());
        Assert.Equal(AcceptAction.HandOver, loop.On(AcceptResult.Accepted(new StubSocket(7))).Action);
        Assert.True(loop.MayAccept() && loop.TryReserve());

        AcceptDecision decision = loop.On(AcceptResult.Accepted(new StubSocket(7)));

        Assert.Equal((AcceptAction.Refuse, RefuseReason.MaxConnectionsPerSource), (decision.Action, decision.Reason));
        Assert.Equal(1, gate.Taken);
    }

    [Theory]
    [InlineData(OnLimit.Wait)]
    [InlineData(OnLimit.Refuse)]
    public void A_user_who_is_not_allowed_is_refused_and_gives_the_place_back(OnLimit onLimit)
    {
        var gate = new ConnectionGate(1, perSource: null, onLimit, new HashSet<uint> { 7 });
        AcceptLoop loop = Loop(gate);
        for (int i = 0; i < 3; i++)
        {
            Assert.True(loop.MayAccept() && loop.TryReserve());
            AcceptDecision decision = loop.On(AcceptResult.Accepted(new StubSocket(user: 8)));
            Assert.Equal((AcceptAction.Refuse, RefuseReason.UserNotAllowed), (decision.Action, decision.Reason));
            Assert.Equal(0, gate.Taken);
        }

        Assert.True(loop.MayAccept() && loop.TryReserve());
        Assert.Equal(AcceptAction.HandOver, loop.On(AcceptResult.Accepted(new StubSocket(user: 7))).Action);
        Assert.Equal(1, gate.Taken);
        gate.GiveBack();
        Assert.True(loop.MayAccept() && loop.TryReserve());
        Assert.Equal(AcceptAction.HandOver, loop.On(AcceptResult.Accepted(new StubSocket())).Action); // of a transport that does not tell of users
    }

    [Fact]
    public void Backing_off_doubles_to_half_a_second_and_a_success_resets_it()
    {
        AcceptLoop loop = Loop(new ConnectionGate(100, perSource: null, OnLimit.Refuse));
        double[] first = [.. Enumerable.Range(0, 8).Select(_ => Delay(loop))];
        Assert.Equal([10, 20, 40, 80, 160, 320, 500, 500], first);

        loop.On(AcceptResult.Accepted(new StubSocket()));
        Assert.Equal(10, Delay(loop));
    }

    [Fact]
    public void Errors_to_retry_are_retried_at_once_but_not_for_ever()
    {
        AcceptLoop loop = Loop(new ConnectionGate(100, perSource: null, OnLimit.Refuse));
        AcceptAction[] actions = [.. Enumerable.Range(0, 1000).Select(_ => loop.On(AcceptResult.Failed(AcceptError.ConnectionAborted)).Action)];
        Assert.Equal(AcceptAction.Again, actions[0]);
        Assert.Equal(AcceptAction.RetryAfter, actions[^1]);
    }

    [Fact]
    public void Finding_nobody_now_and_then_never_delays_the_next_one()
    {
        AcceptLoop loop = Loop(new ConnectionGate(1000, perSource: null, OnLimit.Refuse));
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal(AcceptAction.Again, loop.On(AcceptResult.Failed(AcceptError.WouldBlock)).Action);
            Assert.Equal(AcceptAction.HandOver, loop.On(AcceptResult.Accepted(new StubSocket())).Action);
        }
    }

    [Fact]
    public void A_closed_listener_stops_the_loop_and_gives_its_place_back()
    {
        var gate = new ConnectionGate(1, perSource: null, OnLimit.Wait);
        AcceptLoop loop = Loop(gate);
        Assert.True(loop.MayAccept() && loop.TryReserve());
        Assert.Equal(AcceptAction.Stop, loop.On(AcceptResult.Failed(AcceptError.ListenerClosed)).Action);
        Assert.Equal(0, gate.Taken);
    }

    [Fact]
    public void The_budget_ends_accepting()
    {
        var loop = new AcceptLoop(_listener, new ConnectionGate(10, perSource: null, OnLimit.Wait), _events, budget: 2);
        for (int i = 0; i < 2; i++)
        {
            Assert.True(loop.MayAccept() && loop.TryReserve());
            loop.On(AcceptResult.Accepted(new StubSocket()));
        }

        Assert.False(loop.MayAccept());
    }

    [Fact]
    public void Only_errors_worth_telling_are_told()
    {
        var told = new List<AcceptFailed>();
        _events.AcceptFailed += told.Add;
        AcceptLoop loop = Loop(new ConnectionGate(10, perSource: null, OnLimit.Refuse));
        foreach (AcceptError error in Enum.GetValues<AcceptError>().Where(error => error != AcceptError.None))
        {
            loop.On(AcceptResult.Failed(error));
        }

        Assert.Equal(
            Enum.GetValues<AcceptError>().Except([AcceptError.None, AcceptError.WouldBlock, AcceptError.Interrupted, AcceptError.ListenerClosed]),
            told.Select(failed => failed.Error));
        Assert.Contains(told, failed => failed is { Error: AcceptError.ProcessDescriptorLimit, BacksOff: true, Stops: false });
        Assert.Contains(told, failed => failed is { Error: AcceptError.NotAListener, BacksOff: false, Stops: true });
    }

    /// <summary>Whatever accept says in whatever order, the places taken are the connections that were handed over and have not ended.</summary>
    [Theory]
    [InlineData(OnLimit.Wait)]
    [InlineData(OnLimit.Refuse)]
    public void No_place_leaks_whatever_accept_says(OnLimit onLimit) => Gen.Select(Gen.Int[0, 20], Gen.Int[1, 4], Gen.Int[1, 3]).Select(
        Gen.Int[0, 99].Array[0, 200], (numbers, script) => (numbers, script)).Sample(given =>
        {
            (int _, int maximum, int perSource) = given.numbers;
            var gate = new ConnectionGate(maximum, perSource, onLimit);
            var loop = new AcceptLoop(new StubListener(), gate, new ServerEvents());
            var live = new List<StubSocket>();
            AcceptError[] errors = [.. Enum.GetValues<AcceptError>().Where(error => error is not (AcceptError.None or AcceptError.ListenerClosed or AcceptError.NotAListener))];
            foreach (int step in given.script)
            {
                if (step < 30 && live.Count > 0)
                {
                    StubSocket ended = live[step % live.Count];
                    live.Remove(ended);
                    gate.Uncount(gate.SourceOf(ended));
                    gate.GiveBack();
                }
                else if (!loop.MayAccept() || !loop.TryReserve())
                {
                    Assert.Equal((OnLimit.Wait, maximum), (onLimit, live.Count));
                }
                else if (step < 50)
                {
                    AcceptAction action = loop.On(AcceptResult.Failed(errors[step % errors.Length])).Action;
                    Assert.True(action is AcceptAction.Again or AcceptAction.RetryAfter);
                }
                else
                {
                    var socket = new StubSocket((ulong)(1 + (step % 3)));
                    AcceptDecision decision = loop.On(AcceptResult.Accepted(socket));
                    bool sourceFull = live.Count(one => one.SourceKey == socket.SourceKey) >= perSource;
                    if (decision.Action == AcceptAction.HandOver)
                    {
                        Assert.False(sourceFull);
                        live.Add(socket);
                    }
                    else
                    {
                        Assert.Equal(AcceptAction.Refuse, decision.Action);
                        Assert.True(sourceFull || live.Count == maximum);
                    }
                }

                Assert.Equal(live.Count, gate.Taken);
            }
        });

    private static double Delay(AcceptLoop loop)
    {
        AcceptDecision decision = loop.On(AcceptResult.Failed(AcceptError.ProcessDescriptorLimit));
        Assert.Equal(AcceptAction.RetryAfter, decision.Action);
        return decision.Delay.TotalMilliseconds;
    }

    private AcceptLoop Loop(ConnectionGate gate) => new(_listener, gate, _events);
}
