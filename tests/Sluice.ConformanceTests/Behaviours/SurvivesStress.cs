using System.Buffers;
using System.IO.Pipelines;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Everything at once, many times over: a wake-up that is lost shows as a client that waits for ever.</summary>
public sealed class SurvivesStress
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Random_slices_resets_cancellations_and_foreign_awaits_lose_no_wake_up(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeReader input = connection.Transport.Input;
            using var nudge = new Timer(_ =>
            {
                input.CancelPendingRead();
                connection.Transport.Output.CancelPendingFlush();
            }, state: null, 3, 3);
            for (int turn = 0; ; turn++)
            {
                ReadResult result = await input.ReadAsync();
                byte[] got = result.Buffer.ToArray();
                input.AdvanceTo(result.Buffer.End);
                if (turn % 7 == 0)
                {
                    await Task.Yield();
                }

                FlushResult flushed = await connection.Transport.Output.WriteAsync(got);
                while (flushed.IsCanceled)
                {
                    flushed = await connection.Transport.Output.FlushAsync();
                }

                if (result.IsCompleted)
                {
                    return;
                }
            }
        }, options => options.Linger = TimeSpan.FromMilliseconds(100));
        await cell.ForEachClientAsync(cell.IsConcurrent ? 24 : 3, async number =>
        {
            for (int round = 0; round < 12; round++)
            {
                int seed = (number * 1000) + round;
                byte[] sent = Payload.Make(new Random(seed).Next(1, 60_000), seed);
                await using RawClient client = await server.ConnectAsync();
                if (seed % 4 == 0)
                {
                    await client.SendAsync(sent.AsMemory(0, sent.Length / 2));
                    client.Reset();
                    continue;
                }

                Task sending = Task.Run(async () =>
                {
                    foreach (ReadOnlyMemory<byte> slice in Payload.Slices(sent, 9000, seed))
                    {
                        await client.SendAsync(slice);
                    }

                    client.Fin();
                });
                Assert.Equal(sent, await client.ReceiveToEndAsync());
                await sending;
            }
        });
        await Eventually.Until(() => server.Server.Connections == 0, "all have ended");
        Assert.All(server.Ended, ended => Assert.True(ended.Failure is null, ended.Failure?.ToString()));
    });
}
