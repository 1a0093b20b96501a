using Sluice.Diagnostics;
using Sluice.Tests.Support;
using Sluice.Transports;

namespace Sluice.Tests.Diagnostics;

public sealed class ServerEventsTests
{
    [Fact]
    public void A_subscriber_that_throws_is_counted_and_the_others_still_hear()
    {
        var events = new ServerEvents();
        var heard = new List<string>();
        events.Noticed += _ => throw new InvalidOperationException("broken");
        events.Noticed += heard.Add;
        events.Noticed += _ => throw new InvalidOperationException("broken too");
        events.Noticed += line => heard.Add(line + " again");

        events.RaiseNoticed("hello");

        Assert.Equal(["hello", "hello again"], heard);
        Assert.Equal(2, events.SubscriberFailures);
    }

    [Fact]
    public void No_event_throws_at_who_raises_it()
    {
        var events = new ServerEvents();
        var listener = new StubListener();
        var socket = new StubSocket();
        Action[] raises =
        [
            () => events.RaiseAccepting(), () => events.RaiseStateChanged(ServerState.Listening), () => events.RaiseNoticed("x"),
            () => events.RaiseConnectionAccepted(listener, socket), () => events.RaiseConnectionRefused(listener, socket, Sluice.Accepting.RefuseReason.Draining),
            () => events.RaiseAcceptFailed(listener, AcceptError.NoMemory, Sluice.Accepting.AcceptReaction.BackOff),
            () => events.RaiseConnectionEnded(default), () => events.RaiseConnectionStarted(null!), () => events.RaiseDrained(new DrainReport(0, 0, default)),
            () => events.RaiseLoopWaiting(0), () => events.RaiseLoopTick(new LoopTick { Loop = 0, Iteration = 1, Watched = 1, Ready = [] }),
            () => events.RaiseLoopBlocked(new LoopBlocked("Some.Handler", 0, TimeSpan.FromMilliseconds(100))),
        ];
        Assert.All(raises, raise => raise());
        Assert.Equal(0, events.SubscriberFailures);

        events.Accepting += Broken;
        events.StateChanged += _ => Broken();
        events.Noticed += _ => Broken();
        events.ConnectionAccepted += _ => Broken();
        events.ConnectionRefused += _ => Broken();
        events.AcceptFailed += _ => Broken();
        events.ConnectionEnded += _ => Broken();
        events.ConnectionStarted += _ => Broken();
        events.Drained += _ => Broken();
        events.LoopWaiting += _ => Broken();
        events.LoopTick += _ => Broken();
        events.LoopBlocked += _ => Broken();
        Assert.All(raises, raise => raise());
        Assert.Equal(raises.Length, events.SubscriberFailures);

        static void Broken() => throw new InvalidOperationException("broken");
    }
}
