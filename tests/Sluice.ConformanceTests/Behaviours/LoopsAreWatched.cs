using System.Collections.Concurrent;
using Sluice.Diagnostics;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>A handler that holds its loop is reported while it does, from outside the loop, and once.</summary>
public sealed class LoopsAreWatched
{
    private static readonly TimeSpan BlockedAfter = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Held = TimeSpan.FromMilliseconds(300);

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task A_handler_that_sleeps_is_reported_while_it_sleeps(string model, string transport) =>
        WatchAsync(model, transport, static (longest, reported) => reported.WaitHandle.WaitOne(longest));

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task A_handler_that_deadlocks_on_a_result_is_reported_while_it_hangs(string model, string transport) => WatchAsync(model, transport, static (longest, reported) =>
    {
        try
        {
            Assert.True(OwnAsync().Wait((int)longest.TotalMilliseconds, reported), "it hung, and nobody said so");
        }
        catch (OperationCanceledException)
        {
            // Reported: let go.
        }

        // It wants to go on where it was, and there its caller waits for it.
        static async Task OwnAsync() => await Task.Yield();
    });

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task Handlers_that_await_are_never_reported_however_busy(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var reports = new ConcurrentQueue<LoopBlocked>();
        await using RunningServer server = new(cell.Build(Handlers.Echo, options => options.LoopBlockedAfter = TimeSpan.FromSeconds(1)));
        server.Server.Events.LoopBlocked += reports.Enqueue;
        await server.Server.StartAsync();
        await using (var load = new Load(server.Url, clients: 8))
        {
            await Eventually.Never(() => !reports.IsEmpty, TimeSpan.FromMilliseconds(300), "a loop that is only busy was reported");
            await load.TurnsAsync(10);
        }

        // An idle loop waits in the kernel for long: that is no hanging either.
        await Eventually.Never(() => !reports.IsEmpty, TimeSpan.FromMilliseconds(1200), "a loop that waits for events was reported");
    });

    // The first connection hangs until the report comes, which the handler itself cannot do anything for; the second is not reported again.
    private static Task WatchAsync(string model, string transport, Action<TimeSpan, CancellationToken> hang) => Cell.RunAsync(model, transport, async cell =>
    {
        bool hanging = false;
        int calls = 0;
        using var reported = new CancellationTokenSource();
        var reports = new ConcurrentQueue<(LoopBlocked Report, bool WhileItHung)>();
        await using RunningServer server = new(cell.Build(
            async connection =>
            {
                byte[] got = await Handlers.ReadExactlyAsync(connection.Transport.Input, 4);
                if (Interlocked.Increment(ref calls) == 1)
                {
                    Volatile.Write(ref hanging, true);
                    hang(cell.IsLoop ? Eventually.Deadline / 2 : Held, reported.Token);
                    Volatile.Write(ref hanging, false);
                }
                else
                {
                    Thread.Sleep(Held);
                }

                await connection.Transport.Output.WriteAsync(got);
            },
            options =>
            {
                options.Loops = cell.IsLoop ? 1 : null;
                options.LoopBlockedAfter = BlockedAfter;
            }));
        server.Server.Events.LoopBlocked += report =>
        {
            reports.Enqueue((report, Volatile.Read(ref hanging)));
            reported.Cancel();
        };
        await server.Server.StartAsync();
        for (int round = 0; round < 2; round++)
        {
            await using RawClient client = await server.ConnectAsync();
            Assert.Equal("ping", await client.EchoAsync("ping"));
        }

        if (!cell.IsLoop)
        {
            Assert.Empty(reports);
            return;
        }

        (LoopBlocked blocked, bool whileItHung) = Assert.Single(reports);
        Assert.True(whileItHung, "it was reported when it was over");
        Assert.False(string.IsNullOrWhiteSpace(blocked.Handler));
        Assert.Equal(0, blocked.Loop);
        Assert.InRange(blocked.For, BlockedAfter, Eventually.Deadline / 2);
    });
}
