using System.Buffers;
using System.IO.Pipelines;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>What was lent stays valid and private across any await, on many connections at once.</summary>
public sealed class LentMemoryStaysPrivate
{
    private const int Connections = 50;
    private const int Frame = 3000;
    private const int Frames = 20;

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task An_await_between_ReadAsync_and_AdvanceTo_keeps_the_bytes(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeReader input = connection.Transport.Input;
            for (int frame = 0; frame < Frames; frame++)
            {
                ReadResult result;
                while ((result = await input.ReadAsync()).Buffer.Length < Frame && !result.IsCompleted)
                {
                    input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                }

                byte[] before = result.Buffer.ToArray();
                await Task.Delay(1 + (frame % 3));
                Assert.Equal(before, result.Buffer.ToArray());
                byte[] reply = result.Buffer.Slice(0, Frame).ToArray();
                await Task.Yield();
                input.AdvanceTo(result.Buffer.GetPosition(Frame));
                await connection.Transport.Output.WriteAsync(reply);
            }
        });
        await ExchangeAsync(cell, server);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task An_await_between_GetMemory_and_FlushAsync_keeps_the_bytes(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeWriter output = connection.Transport.Output;
            for (int frame = 0; frame < Frames; frame++)
            {
                byte[] got = await Handlers.ReadExactlyAsync(connection.Transport.Input, Frame);
                Memory<byte> first = output.GetMemory(Frame / 2)[..(Frame / 2)];
                got.AsMemory(0, Frame / 2).CopyTo(first);
                await Task.Delay(1 + (frame % 3));
                output.Advance(Frame / 2);
                await Task.Yield();
                Memory<byte> second = output.GetMemory(Frame / 2);
                await Task.Yield();
                got.AsMemory(Frame / 2).CopyTo(second);
                output.Advance(Frame / 2);
                await Task.Delay(1);
                await output.FlushAsync();
            }
        });
        await ExchangeAsync(cell, server);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task What_was_lent_can_be_used_and_given_back_on_another_thread(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            (PipeReader input, PipeWriter output) = (connection.Transport.Input, connection.Transport.Output);
            for (int frame = 0; frame < Frames; frame++)
            {
                ReadResult result;
                while ((result = await input.ReadAsync().ConfigureAwait(false)).Buffer.Length < Frame && !result.IsCompleted)
                {
                    await Task.Yield();
                    input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                }

                byte[] before = result.Buffer.ToArray();
                Memory<byte> reply = output.GetMemory(Frame);
                result.Buffer.Slice(0, Frame).CopyTo(reply.Span);
                await Task.Delay(1 + (frame % 3)).ConfigureAwait(false);
                Assert.Equal(before, result.Buffer.ToArray());
                Assert.True(reply.Span[..Frame].SequenceEqual(before.AsSpan(0, Frame)), "the memory to write to is another's too");
                output.Advance(Frame);
                input.AdvanceTo(result.Buffer.GetPosition(Frame));
                await Task.Delay(1).ConfigureAwait(false);
                await output.FlushAsync().ConfigureAwait(false);
            }
        });
        await ExchangeAsync(cell, server);
    });

    private static async Task ExchangeAsync(Cell cell, RunningServer server)
    {
        int clients = cell.IsConcurrent ? Connections : 5;
        await cell.ForEachClientAsync(clients, async number =>
        {
            await using RawClient client = await server.ConnectAsync();
            byte[] sent = Payload.Make(Frame * Frames, number);
            Task sending = client.SendAsync(sent);
            Assert.Equal(sent, await client.ReceiveExactlyAsync(sent.Length));
            await sending;
        });
        await server.EndedAsync(clients);
        Assert.All(server.Ended, ended => Assert.Null(ended.Failure));
    }
}
