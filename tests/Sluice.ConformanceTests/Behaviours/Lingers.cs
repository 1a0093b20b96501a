using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class Lingers
{
    public static TheoryData<string, string, string> Endings
    {
        get
        {
            var all = new TheoryData<string, string, string>();
            foreach (TheoryDataRow<string, string> cell in Matrix.Cells)
            {
                foreach (string how in new[] { "by returning", "after completing its input", "after completing both", "with a read left behind" })
                {
                    all.Add(cell.Data.Item1, cell.Data.Item2, how);
                }
            }

            return all;
        }
    }

    [Theory, MemberData(nameof(Endings))]
    public Task The_last_reply_is_not_lost_although_the_client_still_sends(string model, string transport, string how) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await Handlers.ReadExactlyAsync(connection.Transport.Input, 1);
            await connection.Transport.Output.WriteAsync("413 too large, goodbye"u8.ToArray());
            if (how == "with a read left behind")
            {
                await Task.Yield();
                _ = connection.Transport.Input.ReadAsync().AsTask();
            }
            else if (how != "by returning")
            {
                await connection.Transport.Input.CompleteAsync();
                if (how == "after completing both")
                {
                    await connection.Transport.Output.CompleteAsync();
                }
            }
        });
        await cell.ForEachClientAsync(5, async _ =>
        {
            await using RawClient client = await server.ConnectAsync();
            Task sending = SendAsync(client);
            await Task.Delay(50); // the reply waits while more is on its way: that is when a reset would lose it
            Assert.Equal("413 too large, goodbye"u8.ToArray(), await client.ReceiveToEndAsync());
            await sending;
        });

        static async Task SendAsync(RawClient client)
        {
            try
            {
                for (int i = 0; i < 20; i++)
                {
                    await client.SendAsync(new byte[20_000]);
                    await Task.Delay(5);
                }

                client.Fin();
            }
            catch (PeerResetException)
            {
                // Once the linger is over it may.
            }
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_client_that_never_ends_is_waited_for_only_so_long(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(_ => Task.CompletedTask, options => options.Linger = TimeSpan.FromMilliseconds(300));
        await using RawClient client = await server.ConnectAsync();
        Assert.Empty(await client.ReceiveToEndAsync()); // FIN comes at once
        Diagnostics.ConnectionEnded ended = await server.EndedAsync();
        Assert.InRange(ended.Duration.TotalMilliseconds, 250, 3000);
        Assert.Equal(CloseReason.Completed, ended.Reason);
    });
}
