using System.Text;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class HalfCloses
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task The_peers_FIN_completes_the_reader_and_the_reply_still_arrives(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            long count = await Handlers.DrainAsync(connection.Transport.Input);
            await connection.Transport.Output.WriteAsync(Encoding.ASCII.GetBytes($"{count}"));
        });
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[12345]);
        client.Fin();
        Assert.Equal("12345", Encoding.ASCII.GetString(await client.ReceiveToEndAsync()));
        Assert.Equal(CloseReason.Completed, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Completing_the_output_sends_FIN_and_reading_goes_on(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var read = new TaskCompletionSource<long>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connection.Transport.Output.GetSpan(2)[0] = (byte)'!';
            connection.Transport.Output.Advance(1);
            await connection.Transport.Output.CompleteAsync();
            read.SetResult(await Handlers.DrainAsync(connection.Transport.Input));
        });
        await using RawClient client = await server.ConnectAsync();
        Assert.Equal("!", Encoding.ASCII.GetString(await client.ReceiveToEndAsync()));
        for (int i = 0; i < 10; i++)
        {
            await client.SendAsync(new byte[100_000]);
        }

        client.Fin();
        Assert.Equal(1_000_000, await read.Task.Within("the handler read what came after its FIN"));
        Assert.Equal(CloseReason.Completed, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Completing_the_output_twice_and_writing_afterwards_is_told_and_harms_nobody(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var told = new TaskCompletionSource<Exception>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            if (told.Task.IsCompleted)
            {
                await Handlers.Echo(connection);
                return;
            }

            connection.Transport.Output.Complete();
            connection.Transport.Output.Complete();
            told.SetResult(await Assert.ThrowsAsync<InvalidOperationException>(async () => await connection.Transport.Output.WriteAsync(new byte[1])));
        });
        await using (RawClient client = await server.ConnectAsync())
        {
            Assert.Empty(await client.ReceiveToEndAsync());
        }

        await told.Task.Within("the handler was told");
        await server.AssertServesAsync();
    });
}
