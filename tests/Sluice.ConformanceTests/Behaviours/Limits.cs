using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Sluice.Accepting;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class Limits
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Above_the_maximum_clients_wait_in_the_queue_and_are_never_more(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Maximum = 3;
        int now = 0;
        int most = 0;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            int count = Interlocked.Increment(ref now);
            InterlockedMax(ref most, count);
            await Task.Delay(20); // so that more come than are served
            await Handlers.Echo(connection);
            Interlocked.Decrement(ref now);
        }, options => options.Limits.MaxConnections = Maximum);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(number => Task.Run(async () =>
        {
            await using RawClient client = await server.ConnectAsync();
            Assert.Equal($"number {number}", await client.EchoAsync($"number {number}"));
        }))).Within("all were served in turn");
        Assert.InRange(most, 1, Maximum);
        Assert.Equal(Maximum, server.Server.MaxConnections);
        Assert.Empty(server.Refused);
        if (cell.IsConcurrent)
        {
            Assert.True(most > 1, "the maximum was never reached: the test shows nothing");
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Above_the_maximum_clients_are_refused_when_so_told(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        int maximum = cell.IsConcurrent ? 3 : 1;
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, options =>
        {
            options.Limits.MaxConnections = maximum;
            options.Limits.OnLimit = OnLimit.Refuse;
        });
        if (!cell.IsConcurrent)
        {
            // One at a time: nobody is accepted, so nobody is refused, while one is served.
            await server.AssertServesAsync();
            Assert.Empty(server.Refused);
            return;
        }

        var served = new List<RawClient>();
        for (int i = 0; i < maximum; i++)
        {
            served.Add(await server.ConnectAsync());
            Assert.Equal("in", await served[i].EchoAsync("in"));
        }

        for (int i = 0; i < 5; i++)
        {
            await AssertRefusedAsync(server);
        }

        await Eventually.Until(() => server.Refused.Count == 5, "refusals are told");
        Assert.All(server.Refused, refused => Assert.Equal(RefuseReason.MaxConnections, refused.Reason));
        await served[0].DisposeAsync();
        await server.EndedAsync();
        await server.AssertServesAsync();
        foreach (RawClient client in served)
        {
            await client.DisposeAsync();
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task The_last_place_goes_to_whichever_listener_a_client_comes_to(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, options =>
        {
            options.Limits.MaxConnections = 1;
            for (int i = 0; i < 3; i++)
            {
                options.Listen.Add(cell.NewUrl());
            }
        });
        Assert.Equal(3, server.Server.LocalUrls.Count);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 2; i >= 0; i--)
            {
                await using RawClient client = await RawClient.ConnectAsync(server.Server.LocalUrls[i]);
                Assert.Equal("hello", await client.EchoAsync("hello"));
            }
        }
    });

    [Theory, MemberData(nameof(Matrix.KernelCells), MemberType = typeof(Matrix))]
    public Task A_source_that_has_its_maximum_is_refused(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, options => options.Limits.MaxConnectionsPerSource = 2);
        for (int round = 0; round < 3; round++)
        {
            await using RawClient first = await server.ConnectAsync();
            Assert.Equal("1", await first.EchoAsync("1"));
            if (cell.IsConcurrent)
            {
                await using RawClient second = await server.ConnectAsync();
                Assert.Equal("2", await second.EchoAsync("2"));
                await AssertRefusedAsync(server);
                Assert.All(server.Refused, refused => Assert.Equal(RefuseReason.MaxConnectionsPerSource, refused.Reason));
                await second.DisposeAsync();
            }

            await first.DisposeAsync();
            await Eventually.Until(() => server.Server.Connections == 0, "they have ended");
            await Eventually.Until(() => server.Ended.Count == (round + 1) * (cell.IsConcurrent ? 2 : 1), "their ends are told");
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_read_that_waits_too_long_ends_its_connection(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        // Longer than the second for which a blocking model waits in one call.
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, options => options.Limits.IdleTimeout = TimeSpan.FromMilliseconds(1500));
        await using RawClient client = await server.ConnectAsync();
        Assert.Equal("hi", await client.EchoAsync("hi"));
        await Task.Delay(700);
        Assert.Equal("hi", await client.EchoAsync("hi")); // the clock starts anew
        long since = Environment.TickCount64;
        await client.WaitForEndAsync();
        Assert.InRange(Environment.TickCount64 - since, 1300, 5000);
        Assert.Equal(CloseReason.IdleTimeout, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_far_limit_does_not_hide_a_near_one(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, options =>
        {
            options.Limits.IdleTimeout = TimeSpan.FromMilliseconds(300);
            options.Limits.Lifetime = TimeSpan.FromHours(1);
        });
        await using RawClient client = await server.ConnectAsync();
        Assert.Equal("hi", await client.EchoAsync("hi"));
        await client.WaitForEndAsync();
        Assert.Equal(CloseReason.IdleTimeout, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_flush_that_had_to_wait_does_not_hide_the_idle_limit(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Size = 16 * 1024 * 1024;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await connection.Transport.Output.WriteAsync(new byte[Size]);
            await Handlers.Echo(connection);
        }, options => options.Limits.IdleTimeout = TimeSpan.FromMilliseconds(300));
        await using RawClient client = await server.ConnectAsync();
        Assert.Equal(Size, (await client.ReceiveExactlyAsync(Size)).Length);
        await client.WaitForEndAsync();
        Assert.Equal(CloseReason.IdleTimeout, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_long_download_is_not_idle(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(
            async connection => await connection.Transport.Output.WriteAsync(new byte[12 * 1024 * 1024]),
            options => options.Limits.IdleTimeout = TimeSpan.FromMilliseconds(200));
        await using RawClient client = await server.ConnectAsync();
        for (int i = 0; i < 12; i++)
        {
            await client.ReceiveExactlyAsync(1024 * 1024);
            await Task.Delay(60);
        }

        await client.DisposeAsync();
        Assert.Equal(CloseReason.Completed, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task No_first_byte_in_time_ends_a_connection(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, options => options.Limits.FirstByteTimeout = TimeSpan.FromMilliseconds(400));
        await using (RawClient speaks = await server.ConnectAsync())
        {
            Assert.Equal("hi", await speaks.EchoAsync("hi"));
            await Task.Delay(600);
            Assert.Equal("hi", await speaks.EchoAsync("hi"));
        }

        await server.EndedAsync();
        await using RawClient silent = await server.ConnectAsync();
        await silent.WaitForEndAsync();
        Assert.Equal(CloseReason.FirstByteTimeout, (await server.EndedAsync(2)).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_connection_ends_at_its_lifetime_however_busy(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, options => options.Limits.Lifetime = TimeSpan.FromMilliseconds(500));
        await using RawClient client = await server.ConnectAsync();
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (true)
            {
                await client.EchoAsync("busy");
            }
        });
        Diagnostics.ConnectionEnded ended = await server.EndedAsync();
        Assert.Equal(CloseReason.Lifetime, ended.Reason);
        Assert.InRange(ended.Duration.TotalMilliseconds, 480, 3000);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_peer_slower_than_the_minimum_rate_is_ended_inside_a_frame_and_left_alone_outside(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            while (await Handlers.ReadExactlyAsync(connection.Transport.Input, 100) is { Length: 100 })
            {
                await connection.Transport.Output.WriteAsync(new byte[1]);
            }
        }, options =>
        {
            options.Limits.MinRate = 1000;
            options.Limits.MinRateWindow = TimeSpan.FromMilliseconds(300);
        });
        await using RawClient client = await server.ConnectAsync();
        await Task.Delay(700); // nothing is owed: no frame has begun
        await client.SendAsync(new byte[100]);
        await client.ReceiveExactlyAsync(1);
        await Task.Delay(700);
        await client.SendAsync(new byte[100]);
        await client.ReceiveExactlyAsync(1);
        await client.SendAsync(new byte[10]); // a frame has begun
        await client.WaitForEndAsync();
        Assert.Equal(CloseReason.MinRate, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_peer_that_stops_reading_is_ended_by_the_write_timeout(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(
            async connection => await connection.Transport.Output.WriteAsync(new byte[64 * 1024 * 1024]),
            options => options.Limits.WriteTimeout = TimeSpan.FromMilliseconds(1500));
        await using RawClient client = await server.ConnectAsync();
        Diagnostics.ConnectionEnded ended = await server.EndedAsync();
        Assert.Equal(CloseReason.WriteTimeout, ended.Reason);
        Assert.Null(ended.Failure);
        Assert.InRange(ended.Duration.TotalMilliseconds, 1400, 6000);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_peer_that_reads_slowly_is_not_ended_by_the_write_timeout(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Size = 24 * 1024 * 1024;
        await using RunningServer server = await cell.StartAsync(
            async connection => await connection.Transport.Output.WriteAsync(new byte[Size]),
            options => options.Limits.WriteTimeout = TimeSpan.FromMilliseconds(700));
        await using RawClient client = await server.ConnectAsync();
        for (int i = 0; i < 24; i++)
        {
            await client.ReceiveExactlyAsync(Size / 24);
            await Task.Delay(80);
        }

        await client.DisposeAsync();
        Assert.Equal(CloseReason.Completed, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task The_unread_limit_ends_a_connection_with_its_id(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var thrown = new TaskCompletionSource<Exception?>();
        await using RunningServer server = await cell.StartAsync(
            async connection => thrown.SetResult(await Record.ExceptionAsync(() => Handlers.ReadExactlyAsync(connection.Transport.Input, 100_000))),
            options => options.Limits.MaxUnread = 10_000);
        await using RawClient client = await server.ConnectAsync();
        try
        {
            await client.SendAsync(new byte[50_000]);
        }
        catch (PeerResetException)
        {
            // It ended before the last of them.
        }

        var aborted = Assert.IsType<ConnectionAbortedException>(await thrown.Task.Within("the read ended"));
        Assert.Contains(ErrorIds.UnreadLimit, aborted.Message, StringComparison.Ordinal);
        Assert.Equal(CloseReason.UnreadLimit, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task More_bytes_than_the_unread_limit_pass_when_they_are_consumed(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        foreach (int limit in new[] { 1, 100, 1000, 4096, 5000, 40_000 })
        {
            await using RunningServer server = await cell.StartAsync(Handlers.Echo, options => options.Limits.MaxUnread = limit);
            await using RawClient client = await server.ConnectAsync();
            byte[] sent = Payload.Make(limit == 1 ? 2000 : 60_000, limit);
            await client.SendAsync(sent);
            Assert.Equal(sent, await client.ReceiveExactlyAsync(sent.Length));
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_handler_may_ask_for_its_own_end_and_limits_still_hold(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connection.Features.Get<IConnectionLifetimeNotificationFeature>()!.RequestClose();
            Assert.Equal(0, await Handlers.DrainAsync(connection.Transport.Input));
            await connection.Transport.Output.WriteAsync(new byte[64 * 1024 * 1024]);
        }, options => options.Limits.WriteTimeout = TimeSpan.FromMilliseconds(500));
        await using RawClient client = await server.ConnectAsync();
        Assert.Equal(CloseReason.WriteTimeout, (await server.EndedAsync()).Reason);
    });

    private static async Task AssertRefusedAsync(RunningServer server)
    {
        try
        {
            await using RawClient refused = await server.ConnectAsync();
            Assert.Empty(await refused.ReceiveToEndAsync());
        }
        catch (Exception error) when (error is PeerResetException or SocketException)
        {
            // A reset says it as well as FIN.
        }
    }

    private static void InterlockedMax(ref int most, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref most)) < value && Interlocked.CompareExchange(ref most, value, seen) != seen)
        {
        }
    }
}
