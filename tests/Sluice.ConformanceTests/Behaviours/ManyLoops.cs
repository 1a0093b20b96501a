using System.Collections.Concurrent;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>With more than one loop, each has its share of the connections, and a connection never leaves its loop.</summary>
public sealed class ManyLoops
{
    private const int Loops = 2;
    private const int Connections = 40;
    private const int FewestOfALoop = 5;

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task Connections_spread_over_the_loops_and_stay_where_they_are(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var homes = new ConcurrentQueue<int>();
        int moves = 0;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            int home = Environment.CurrentManagedThreadId;
            homes.Enqueue(home);
            while (await Handlers.ReadExactlyAsync(connection.Transport.Input, 4) is { Length: 4 } got)
            {
                moves += Environment.CurrentManagedThreadId == home ? 0 : 1;
                await Task.Yield();
                await connection.Transport.Output.WriteAsync(got);
                moves += Environment.CurrentManagedThreadId == home ? 0 : 1;
            }
        }, options => options.Loops = cell.IsLoop ? Loops : null);

        // All are open at once, so that the least loaded loop can be told.
        var clients = new List<RawClient>();
        for (int i = 0; i < Connections; i++)
        {
            clients.Add(await server.ConnectAsync());
        }

        for (int turn = 0; turn < 10; turn++)
        {
            await cell.ForEachClientAsync(Connections, async number => Assert.Equal("ping", await clients[number].EchoAsync("ping")));
        }

        foreach (RawClient client in clients)
        {
            await client.DisposeAsync();
        }

        await server.EndedAsync(Connections);
        Assert.All(server.Ended, ended => Assert.Null(ended.Failure));
        Assert.Equal(Connections, homes.Count);
        if (cell.IsLoop)
        {
            Assert.Equal(0, moves);
            int[] shares = [.. homes.GroupBy(thread => thread).Select(loop => loop.Count())];
            Assert.Equal(Loops, shares.Length);
            Assert.All(shares, share => Assert.InRange(share, FewestOfALoop, Connections - FewestOfALoop));
        }
    });
}
