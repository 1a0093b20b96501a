using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Time.Testing;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

public sealed class SessionExpiryTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task A_session_without_a_datagram_ends_by_itself()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo, new() { Time = _time });
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, 1);
        _time.Advance(TimeSpan.FromSeconds(20));
        await listener.BringAsync(2, 1);
        _time.Advance(TimeSpan.FromSeconds(15));
        await Eventually.Until(() => sessions.Count == 1, "the first ends, the second stays");
        _time.Advance(TimeSpan.FromSeconds(40));
        await Eventually.Until(() => sessions.Count == 0, "the second ends");
        await listener.BringAsync(1, 1);
        Assert.Equal((1, 3), (sessions.Count, sessions.Begun));
    }

    [Fact]
    public async Task A_datagram_of_the_handler_keeps_the_session_too()
    {
        (ConnectionDelegate handler, Func<ConnectionContext> session, _) = SessionHandlers.Held();
        using var sessions = new DatagramSessions(handler, new() { Time = _time });
        await new FakeDatagrams(sessions).BringAsync(1, 1);
        for (int i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(20));
            session().Transport.Output.Write([1]);
            await session().Transport.Output.FlushAsync();
        }

        Assert.Equal(CloseReason.None, session().Features.Get<IConnectionCloseReason>()!.CloseReason);
        _time.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal(CloseReason.IdleTimeout, session().Features.Get<IConnectionCloseReason>()!.CloseReason);
    }

    [Fact]
    public async Task A_peer_that_comes_back_too_late_has_a_new_session_at_once()
    {
        var begun = new List<ConnectionContext>();
        using var sessions = new DatagramSessions(session =>
        {
            begun.Add(session);
            return SessionHandlers.Echo(session);
        }, new() { Time = new StoppedTimers(_time) });
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, 1);
        await listener.BringAsync(2, 1);
        _time.Advance(TimeSpan.FromSeconds(30));
        await listener.BringAsync(1, 2);
        Assert.Equal(CloseReason.IdleTimeout, begun[0].Features.Get<IConnectionCloseReason>()!.CloseReason);
        Assert.Equal(CloseReason.IdleTimeout, begun[1].Features.Get<IConnectionCloseReason>()!.CloseReason); // swept in passing
        Assert.Equal((1, 3), (sessions.Count, begun.Count));
        Assert.Equal([[1], [1], [2]], listener.TakeSent());
    }

    [Fact]
    public async Task A_session_has_a_longest_life()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo, new() { Time = _time, Lifetime = TimeSpan.FromSeconds(60) });
        var listener = new FakeDatagrams(sessions);
        for (int i = 0; i < 13; i++)
        {
            await listener.BringAsync(1, 1);
            _time.Advance(TimeSpan.FromSeconds(10));
        }

        await Eventually.Until(() => sessions.Count <= 1, "those that are over end");
        Assert.Equal(3, sessions.Begun);
        Assert.Equal(13, listener.SentCount);
    }

    [Fact]
    public async Task A_handler_that_does_not_end_holds_its_place_for_the_grace_and_its_memory_until_it_lets_go()
    {
        ReadResult lent = default;
        ConnectionContext? first = null;
        var end = new TaskCompletionSource();
        using var sessions = new DatagramSessions(async session =>
        {
            first ??= session;
            lent = await session.Transport.Input.ReadAsync();
            await end.Task;
        }, new() { Time = _time, MaxSessions = 1 });
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, 1);
        _time.Advance(TimeSpan.FromSeconds(28));
        await listener.BringAsync(1, 2);
        Assert.Equal(32, sessions.QueuedBytes);
        _time.Advance(TimeSpan.FromSeconds(33));
        Assert.Equal(CloseReason.IdleTimeout, first!.Features.Get<IConnectionCloseReason>()!.CloseReason);
        Assert.Equal((1, 0, 16), (sessions.Count, sessions.Lingering, sessions.QueuedBytes));
        await listener.BringAsync(2, 1);
        Assert.Equal(1, sessions.Refused);
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Equal((0, 1, 16), (sessions.Count, sessions.Lingering, sessions.QueuedBytes));
        Assert.Equal([1], lent.Buffer.ToArray());
        end.SetResult();
        Assert.Equal((0, 0, 0), (sessions.Count, sessions.Lingering, sessions.QueuedBytes));
    }

    [Fact]
    public void When_there_are_too_many_a_new_peer_is_dropped_and_those_that_are_served_stay()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo, new() { Time = _time, MaxSessions = 2 });
        var listener = new FakeDatagrams(sessions);
        listener.Bring(1, 1);
        listener.Bring(2, 2);
        listener.Bring(3, 3);
        listener.Bring(1, 4);
        Assert.Equal([[1], [2], [4]], listener.TakeSent());
        Assert.Equal((2, 1), (sessions.Count, sessions.Refused));
    }

    [Fact]
    public void When_told_so_the_session_that_was_idle_longest_ends_instead()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo, new() { Time = _time, MaxSessions = 2, OnFull = OnSessionsFull.EndIdlest });
        var listener = new FakeDatagrams(sessions);
        listener.Bring(1, 1);
        listener.Bring(2, 2);
        listener.Bring(1, 3);
        listener.Bring(3, 4); // 2 goes
        listener.Bring(1, 5);
        Assert.Equal([[1], [2], [3], [4], [5]], listener.TakeSent());
        Assert.Equal((2, 0, 3), (sessions.Count, sessions.Refused, sessions.Begun));
    }

    /// <summary>A clock whose timers never fire: what happens, datagrams do.</summary>
    private sealed class StoppedTimers(TimeProvider time) : TimeProvider
    {
        public override long TimestampFrequency => time.TimestampFrequency;

        public override long GetTimestamp() => time.GetTimestamp();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new FakeTimeProvider().CreateTimer(callback, state, dueTime, period);
    }
}
