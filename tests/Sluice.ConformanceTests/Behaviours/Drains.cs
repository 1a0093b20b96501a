using System.Net.Sockets;
using Microsoft.AspNetCore.Connections.Features;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class Drains
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task An_idle_connection_ends_at_once_with_FIN(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(Handlers.Echo);
        await using RawClient client = await server.ConnectAsync();
        Assert.Equal("hi", await client.EchoAsync("hi"));
        Task<bool> end = Task.Run(client.WaitForEndAsync);
        Task<DrainReport> stopping = server.Server.StopAsync(TimeSpan.FromSeconds(15));
        Assert.False(await end, "the client saw a reset");
        await client.DisposeAsync();
        DrainReport report = await stopping.Within("the drain ended", TimeSpan.FromSeconds(5));
        Assert.Equal((1, 0), (report.Ended, report.Cut));
        Assert.Equal(CloseReason.Drained, (await server.EndedAsync()).Reason);
        Assert.Equal(ServerState.Stopped, server.Server.State);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Work_in_flight_is_finished_and_the_handler_is_told(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var told = new TaskCompletionSource();
        var stopped = new TaskCompletionSource();
        bool closedEarly = false;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await Handlers.ReadExactlyAsync(connection.Transport.Input, 4);
            connection.Features.Get<IConnectionLifetimeNotificationFeature>()!.ConnectionClosedRequested.Register(() => told.TrySetResult());
            await connection.Transport.Output.WriteAsync("working."u8.ToArray());
            await told.Task;
            await stopped.Task;
            closedEarly = connection.ConnectionClosed.IsCancellationRequested;
            await connection.Transport.Output.WriteAsync("done"u8.ToArray());
        });
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[4]);
        await client.ReceiveExactlyAsync(8);
        Task<DrainReport> stopping = server.Server.StopAsync(TimeSpan.FromSeconds(15));
        await told.Task.Within("the handler was told");
        Assert.Equal(ServerState.Draining, server.Server.State);
        await Assert.ThrowsAnyAsync<Exception>(() => server.ConnectAsync()); // accepts no more
        stopped.SetResult();
        Assert.Equal("done"u8.ToArray(), await client.ReceiveToEndAsync());
        await client.DisposeAsync();
        DrainReport report = await stopping.Within("the drain ended");
        Assert.Equal((1, 0), (report.Ended, report.Cut));
        Assert.False(closedEarly, "ConnectionClosed fired before the cut");
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_partly_received_frame_may_be_finished_during_a_drain(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            while (await Handlers.ReadExactlyAsync(connection.Transport.Input, 8) is { Length: 8 } frame)
            {
                await connection.Transport.Output.WriteAsync(frame);
            }
        });
        await using RawClient client = await server.ConnectAsync();
        Assert.Equal("complete", await client.EchoAsync("complete"));
        await client.SendAsync("half"u8.ToArray());
        await Eventually.Until(() => server.Server.Connections == 1, "it is served");
        await Task.Delay(100); // the half is read; nothing tells of that from outside
        Task<DrainReport> stopping = server.Server.StopAsync(TimeSpan.FromSeconds(15));
        await Eventually.Until(() => server.Server.State == ServerState.Draining, "it drains");
        await Task.Delay(100); // a drain that would end it has had its time
        await client.SendAsync("way."u8.ToArray());
        Assert.Equal("halfway."u8.ToArray(), await client.ReceiveToEndAsync());
        await client.DisposeAsync();
        Assert.Equal(0, (await stopping.Within("the drain ended")).Cut);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_handler_that_does_not_finish_is_cut_at_the_deadline(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var started = new TaskCompletionSource();
        var cut = new TaskCompletionSource();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connection.ConnectionClosed.Register(() => cut.TrySetResult());
            await connection.Transport.Output.WriteAsync(new byte[1]);
            started.SetResult();
            await cut.Task;
        });
        await using RawClient client = await server.ConnectAsync();
        await started.Task.Within("the handler runs");
        await client.ReceiveExactlyAsync(1);
        DrainReport report = await server.Server.StopAsync(TimeSpan.FromMilliseconds(300)).Within("the drain ended");
        Assert.Equal((0, 1), (report.Ended, report.Cut));
        Assert.InRange(report.Took.TotalMilliseconds, 290, 5000);
        Assert.Equal(CloseReason.DrainCut, (await server.EndedAsync()).Reason);
        Assert.True(await client.WaitForEndAsync() || !(cell.IsTcp || cell.IsMemory), "a cut is a reset");
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_flush_that_waits_for_ever_and_a_frame_that_never_ends_are_cut(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        int calls = 0;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            if (Interlocked.Increment(ref calls) % 2 == 1)
            {
                await connection.Transport.Output.WriteAsync(new byte[64 * 1024 * 1024]);
            }
            else
            {
                await Handlers.ReadExactlyAsync(connection.Transport.Input, 1000);
            }
        });
        int clients = cell.IsConcurrent ? 10 : 1;
        var all = new List<RawClient>();
        for (int i = 0; i < clients; i++)
        {
            all.Add(await server.ConnectAsync());
            await all[i].SendAsync(new byte[10]);
        }

        await Eventually.Until(() => Volatile.Read(ref calls) == clients, "all are served");
        await Task.Delay(100); // they are inside their calls now
        DrainReport report = await server.Server.StopAsync(TimeSpan.FromMilliseconds(300)).Within("the drain ended");
        Assert.Equal(clients, report.Cut);
        Assert.Equal(clients, server.Ended.Count);
        Assert.All(server.Ended, ended => Assert.Equal(CloseReason.DrainCut, ended.Reason));
        foreach (RawClient client in all)
        {
            await client.DisposeAsync();
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_second_shorter_stop_shortens_the_first_and_both_give_one_report(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await Handlers.ReadExactlyAsync(connection.Transport.Input, 1);
            await Handlers.ReadExactlyAsync(connection.Transport.Input, 1000);
        });
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[100]);
        await Eventually.Until(() => server.Server.Connections == 1, "it is served");
        Task<DrainReport> first = server.Server.StopAsync(TimeSpan.FromSeconds(60));
        DrainReport second = await server.Server.StopAsync(TimeSpan.Zero).Within("the drain ended", TimeSpan.FromSeconds(5));
        Assert.Same(second, await first.Within("the first stop ended"));
        Assert.Same(second, await server.Server.StopAsync());
        await Assert.ThrowsAsync<SluiceException>(server.Server.StartAsync);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Stopping_under_load_never_hangs_and_every_accepted_request_is_answered(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        int rounds = cell.IsConcurrent ? 15 : 5;
        for (int round = 0; round < rounds; round++)
        {
            await using RunningServer server = await cell.StartAsync(Handlers.Echo);
            using var stop = new CancellationTokenSource();
            long answered = 0;
            Task[] clients = [.. Enumerable.Range(0, 20).Select(number => Task.Run(async () =>
            {
                try
                {
                    await using RawClient client = await server.ConnectAsync();
                    byte[] message = Payload.Make(100 + (number * 700), number);
                    while (true)
                    {
                        await client.SendAsync(message, stop.Token);
                        byte[] reply = await client.ReceiveExactlyAsync(message.Length);
                        Assert.True(Payload.Same(message, reply));
                        Interlocked.Increment(ref answered);
                    }
                }
                catch (Exception error) when (error is IOException or SocketException or SluiceException or OperationCanceledException)
                {
                    // Its connection was drained, or never accepted.
                }
            }))];
            await Eventually.Until(() => Interlocked.Read(ref answered) > round * 5, "requests are answered");
            DrainReport report = await server.Server.StopAsync(TimeSpan.FromSeconds(10)).Within("the drain ended", TimeSpan.FromSeconds(9));
            Assert.Equal(0, report.Cut);
            await stop.CancelAsync();
            await Task.WhenAll(clients).Within("the clients ended");
            Assert.All(server.Ended, ended => Assert.Null(ended.Failure));
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task RunAsync_serves_until_it_is_cancelled_and_reports(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = new(cell.Build(Handlers.Echo));
        using var stop = new CancellationTokenSource();
        Task<DrainReport> running = server.Server.RunAsync(stop.Token);
        await Eventually.Until(() => server.Server.State == ServerState.Listening, "it listens");
        await server.AssertServesAsync();
        Assert.False(running.IsCompleted);
        await stop.CancelAsync();
        Assert.Equal(0, (await running.Within("RunAsync ended")).Cut);
        Assert.Equal(ServerState.Stopped, server.Server.State);
    });
}
