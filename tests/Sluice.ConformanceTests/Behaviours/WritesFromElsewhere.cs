using System.IO.Pipelines;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>What a handler may ask of its writer, in whatever order and on whatever thread.</summary>
public sealed class WritesFromElsewhere
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_writer_may_be_completed_twice(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeWriter output = connection.Transport.Output;
            await output.WriteAsync("bye"u8.ToArray());
            output.Complete();
            await output.CompleteAsync().AsTask().Within("the second end is an end");
        });
        await using RawClient client = await server.ConnectAsync();
        Assert.Equal("bye"u8.ToArray(), await client.ReceiveToEndAsync());
        await client.DisposeAsync();
        Assert.Null((await server.EndedAsync()).Failure);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Memory_of_any_size_can_be_had_and_flushed_away_from_home(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        int[] sizes = [1, 4097, 65_536, 65_537, 100_000, 300_000];
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeWriter output = connection.Transport.Output;
            foreach (int size in sizes)
            {
                await Task.Delay(1).ConfigureAwait(false);
                Payload.Make(size, seed: size).CopyTo(output.GetMemory(size));
                output.Advance(size);
                await output.FlushAsync();
            }
        });
        await using RawClient client = await server.ConnectAsync();
        foreach (int size in sizes)
        {
            Assert.True(Payload.Same(Payload.Make(size, seed: size), await client.ReceiveExactlyAsync(size)));
        }

        Assert.Empty(await client.ReceiveToEndAsync());
        await client.DisposeAsync();
        Assert.Null((await server.EndedAsync()).Failure);
    });
}
