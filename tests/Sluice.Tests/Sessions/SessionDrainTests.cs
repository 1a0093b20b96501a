using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

public sealed class SessionDrainTests
{
    [Fact]
    public async Task A_session_that_waits_with_nothing_unread_ends_at_once_and_no_other_begins()
    {
        var reason = CloseReason.None;
        using var sessions = new DatagramSessions(async session =>
        {
            await SessionHandlers.Echo(session);
            reason = ReasonOf(session);
        });
        using var stop = new CancellationTokenSource();
        var listener = new FakeDatagrams(sessions) { Stopping = stop.Token };
        await listener.BringAsync(1, 1);
        Task ended = sessions.EndedAsync(stop.Token);
        Assert.False(ended.IsCompleted, "its handler waits");
        sessions.RequestEnd(stop.Token);
        await ended.Within("it ended");
        Assert.Equal((CloseReason.Drained, 0), (reason, sessions.Count));
        await listener.BringAsync(1, 2);
        await listener.BringAsync(2, 2);
        Assert.Equal((0, 1, 2), (sessions.Count, sessions.Begun, sessions.Refused));
        Assert.True(sessions.EndedAsync(stop.Token).IsCompleted);
    }

    [Fact]
    public async Task A_session_at_work_reads_what_has_come_answers_and_ends_at_its_next_read()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var sessions = new DatagramSessions(async session =>
        {
            await release.Task;
            await SessionHandlers.Echo(session);
        });
        using var stop = new CancellationTokenSource();
        var listener = new FakeDatagrams(sessions) { Stopping = stop.Token };
        await listener.BringAsync(1, 1);
        await listener.BringAsync(1, 2);
        sessions.RequestEnd(stop.Token);
        Task ended = sessions.EndedAsync(stop.Token);
        Assert.Equal((1, false), (sessions.Count, ended.IsCompleted));
        await listener.BringAsync(1, 3); // no new peer
        release.SetResult();
        await Eventually.Until(() => listener.Sent.Count == 3, "all are answered");
        await Eventually.Until(() =>
        {
            sessions.RequestEnd(stop.Token);
            return ended.IsCompleted;
        }, "it ended");
        Assert.Equal([[1], [2], [3]], listener.TakeSent());
        Assert.Equal(0, sessions.Dropped);
    }

    [Fact]
    public async Task A_drained_session_may_say_goodbye_until_it_is_cut()
    {
        ConnectionContext? drained = null;
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var sessions = new DatagramSessions(async session =>
        {
            await SessionHandlers.Echo(session);
            session.Transport.Output.Write([8]);
            await session.Transport.Output.FlushAsync();
            drained = session;
            await end.Task;
        });
        using var stop = new CancellationTokenSource();
        var listener = new FakeDatagrams(sessions) { Stopping = stop.Token };
        await listener.BringAsync(1, 1);
        sessions.RequestEnd(stop.Token);
        await Eventually.Until(() => Volatile.Read(ref drained) is not null, "it is told");
        Assert.Equal((CloseReason.Drained, false), (ReasonOf(drained!), drained!.ConnectionClosed.IsCancellationRequested));
        Assert.True(drained.Features.Get<IConnectionSender>()!.TrySend([9]));
        Assert.Equal([[1], [8], [9]], listener.TakeSent());

        await stop.CancelAsync();
        Assert.Equal(CloseReason.DrainCut, ReasonOf(drained));
        Assert.False(drained.Features.Get<IConnectionSender>()!.TrySend([10]));
        await Eventually.Until(() => drained.ConnectionClosed.IsCancellationRequested, "the token fires");
        Task ended = sessions.EndedAsync(stop.Token);
        Assert.False(ended.IsCompleted, "its handler runs");
        end.SetResult();
        await ended.Within("it ended");
    }

    [Fact]
    public async Task A_drained_session_that_has_returned_sends_nothing_any_more()
    {
        ConnectionContext? session = null;
        using var sessions = new DatagramSessions(begun =>
        {
            session = begun;
            return SessionHandlers.Echo(begun);
        });
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, 1);
        CancellationToken closed = session!.ConnectionClosed;
        sessions.RequestEnd(default);
        await sessions.EndedAsync(default).Within("it ended");
        Assert.False(session.Features.Get<IConnectionSender>()!.TrySend([9]));
        await Eventually.Until(() => closed.IsCancellationRequested, "the token fires");
        Assert.Equal(CloseReason.Drained, ReasonOf(session));
    }

    [Fact]
    public async Task A_session_in_the_middle_of_a_message_goes_on_until_it_is_cut()
    {
        var reason = CloseReason.None;
        using var sessions = new DatagramSessions(async session =>
        {
            ReadResult read = await session.Transport.Input.ReadAsync();
            session.Transport.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End); // needs more
            await session.Transport.Input.ReadAsync();
            reason = ReasonOf(session);
        });
        using var stop = new CancellationTokenSource();
        await new FakeDatagrams(sessions) { Stopping = stop.Token }.BringAsync(1, 1);
        sessions.RequestEnd(stop.Token);
        Assert.Equal(1, sessions.Count);
        await stop.CancelAsync();
        await sessions.EndedAsync(stop.Token).Within("it was cut");
        Assert.Equal(CloseReason.DrainCut, reason);
    }

    [Fact]
    public async Task Another_servers_sessions_are_left_alone()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo);
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        await new FakeDatagrams(sessions) { Stopping = first.Token }.BringAsync(1, 1);
        var other = new FakeDatagrams(sessions) { Stopping = second.Token };
        await other.BringAsync(1, 1);
        sessions.RequestEnd(first.Token);
        await sessions.EndedAsync(first.Token).Within("the first's ended");
        await first.CancelAsync();
        await other.BringAsync(1, 2);
        await other.BringAsync(2, 3);
        Assert.Equal([[1], [2], [3]], other.TakeSent());
        Assert.Equal((2, 0, false), (sessions.Count, sessions.Refused, sessions.EndedAsync(second.Token).IsCompleted));
    }

    [Fact]
    public async Task Asking_while_datagrams_come_on_many_threads_ends_all()
    {
        for (int round = 0; round < 50; round++)
        {
            using var sessions = new DatagramSessions(async session =>
            {
                while (await session.Transport.Input.ReadAsync() is { IsCompleted: false } read)
                {
                    session.Transport.Input.AdvanceTo(read.Buffer.End);
                    await Task.Yield();
                }
            });
            using var stop = new CancellationTokenSource();
            var listener = new FakeDatagrams(sessions) { Stopping = stop.Token };
            Task[] bringing = [.. Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
            {
                for (int i = 0; i < 2_000; i++)
                {
                    await listener.BringAsync(i % 50, 1);
                }
            }))];
            Task? ended = null;
            await Eventually.Until(() =>
            {
                sessions.RequestEnd(stop.Token);
                ended ??= sessions.EndedAsync(stop.Token);
                return ended.IsCompleted;
            }, "all ended");
            await Task.WhenAll(bringing);
            Assert.Equal((0, 0), (sessions.Count, sessions.QueuedBytes));
        }
    }

    [Fact]
    public async Task A_subscriber_that_throws_harms_nobody_and_the_others_are_told()
    {
        var told = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var sessions = new DatagramSessions(async session =>
        {
            await Task.Yield(); // ends on a thread of the pool
            throw new InvalidDataException("bad");
        });
        sessions.HandlerFailed += (_, _) => throw new InvalidOperationException("a subscriber's own");
        sessions.HandlerFailed += (_, failure) => told.SetResult(failure);
        await new FakeDatagrams(sessions).BringAsync(1, 1);
        Assert.IsType<InvalidDataException>(await told.Task.Within("the second was told"));
        await Eventually.Until(() => sessions.Count == 0, "its place is free");
    }

    private static CloseReason ReasonOf(ConnectionContext session) => session.Features.Get<IConnectionCloseReason>()!.CloseReason;
}
