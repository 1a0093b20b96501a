using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

[Collection(nameof(Alone))]
public sealed class BoundsMemory
{
    private const long Bound = 64 * 1024 * 1024;

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_handler_that_never_reads_stops_its_client_not_the_servers_memory(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var release = new TaskCompletionSource();
        await using RunningServer server = await cell.StartAsync(_ => release.Task);
        int clients = cell.IsConcurrent ? 8 : 1;
        using var enough = new CancellationTokenSource();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long sent = 0;
        byte[] chunk = new byte[64 * 1024];
        Task[] sending = [.. Enumerable.Range(0, clients).Select(_ => Task.Run(async () =>
        {
            await using RawClient client = await server.ConnectAsync();
            try
            {
                while (true)
                {
                    await client.SendAsync(chunk, enough.Token);
                    Interlocked.Add(ref sent, chunk.Length);
                }
            }
            catch (Exception error) when (error is OperationCanceledException or PeerResetException)
            {
            }
        }))];
        await StandsStillAsync(() => Interlocked.Read(ref sent));
        Assert.InRange(Interlocked.Read(ref sent), 1, clients * 20L * 1024 * 1024); // what the kernel's buffers take
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, Bound);
        await enough.CancelAsync();
        release.SetResult();
        await Task.WhenAll(sending).Within("the clients ended");
        await server.EndedAsync(clients);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_client_that_never_reads_stops_its_handler_not_the_servers_memory(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        long written = 0;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            byte[] chunk = new byte[64 * 1024];
            while (true)
            {
                await connection.Transport.Output.WriteAsync(chunk);
                Interlocked.Add(ref written, chunk.Length);
            }
        });
        int clients = cell.IsConcurrent ? 8 : 1;
        long before = GC.GetTotalMemory(forceFullCollection: true);
        var all = new List<RawClient>();
        for (int i = 0; i < clients; i++)
        {
            all.Add(await server.ConnectAsync());
        }

        await StandsStillAsync(() => Interlocked.Read(ref written));
        Assert.InRange(Interlocked.Read(ref written), 1, clients * 20L * 1024 * 1024);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, Bound);

        // A slow reader is served on: its flush was only waiting.
        await all[0].ReceiveExactlyAsync(12 * 1024 * 1024);
        foreach (RawClient client in all)
        {
            client.Reset();
        }

        await server.EndedAsync(clients);
        Assert.All(server.Ended, ended => Assert.Equal(CloseReason.PeerReset, ended.Reason));
    });

    private static async Task StandsStillAsync(Func<long> count)
    {
        await Eventually.Until(() => count() > 0, "something moved");
        long last = -1;
        long since = Environment.TickCount64;
        await Eventually.Until(() =>
        {
            if (count() != last)
            {
                (last, since) = (count(), Environment.TickCount64);
            }

            return Environment.TickCount64 - since > 400;
        }, "it stands still");
    }
}
