using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

[Collection(nameof(Alone))]
public sealed class Churns
{
    [Theory, MemberData(nameof(Matrix.TcpCells), MemberType = typeof(Matrix))]
    public Task Connecting_and_closing_many_times_leaves_nothing_behind(string model, string transport) => ChurnAsync(model, transport, 3_000);

    [Theory, Trait("Tier", "long"), MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Connecting_and_closing_fifty_thousand_times_leaves_nothing_behind(string model, string transport) => ChurnAsync(model, transport, 50_000);

    private static Task ChurnAsync(string model, string transport, int rounds) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, options => options.Threads = 16);
        await OneRoundAsync(200); // pools and lazy things are made
        await Eventually.Until(() => server.Server.Connections == 0, "the first have ended");
        server.Ended.Clear();
        int descriptors = ProcessCounters.Descriptors();
        int sockets = ProcessCounters.Sockets();
        int threads = ProcessCounters.OwnThreads();
        long memory = GC.GetTotalMemory(forceFullCollection: true);
        await OneRoundAsync(rounds);
        await server.EndedAsync(rounds);
        await server.AssertServesAsync();
        server.Ended.Clear();
        await Eventually.Until(() => server.Server.Connections == 0, "all have ended");
        try
        {
            // No socket more. The runtime keeps some descriptors of its own for threads (12 after 10,000 threads); a leak of ours would be hundreds.
            await Eventually.Until(() => ProcessCounters.Sockets() <= sockets + 1 && ProcessCounters.Descriptors() <= descriptors + 24, "descriptors are as before");
        }
        catch (TimeoutException late)
        {
            throw new TimeoutException($"{descriptors} descriptors were open before and {ProcessCounters.Descriptors()} are now, {ProcessCounters.Sockets()} of them sockets.", late);
        }

        await Eventually.Until(() => ProcessCounters.OwnThreads() <= threads, $"our threads are {threads} again");
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - memory, long.MinValue, 4 * 1024 * 1024);

        async Task OneRoundAsync(int count)
        {
            for (int i = 0; i < count; i++)
            {
                RawClient client = await server.ConnectAsync();
                if (i % 2 == 0)
                {
                    client.Reset();
                }
                else
                {
                    await client.DisposeAsync();
                }
            }
        }
    });
}
