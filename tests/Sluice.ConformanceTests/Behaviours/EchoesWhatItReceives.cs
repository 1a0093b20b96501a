using System.IO.Pipelines;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class EchoesWhatItReceives
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Bytes_come_back_whatever_the_slicing(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(Handlers.Echo);
        await cell.ForEachClientAsync(8, async number =>
        {
            foreach (int longest in new[] { 1, 7, 4096, 70_000 })
            {
                await using RawClient client = await server.ConnectAsync();
                byte[] sent = Payload.Make(longest == 1 ? 500 : longest == 7 ? 20_000 : 200_000, number);
                Task sending = SendSlicedAsync(client, sent, longest, number);
                byte[] got = await client.ReceiveToEndAsync();
                await sending;
                Assert.Equal(sent, got);
            }
        });
    });

    [Theory, MemberData(nameof(Matrix.InternetCells), MemberType = typeof(Matrix))]
    public Task Both_internet_protocols_are_served(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        string? local = null;
        string? remote = null;
        await using RunningServer server = await cell.StartAsync(connection =>
        {
            (local, remote) = (connection.LocalEndPoint?.ToString(), connection.RemoteEndPoint?.ToString());
            return Handlers.Echo(connection);
        });
        await using var client = (SocketRawClient)await server.ConnectAsync();
        Assert.Equal("hello", await client.EchoAsync("hello"));
        Assert.Equal(client.Socket.RemoteEndPoint!.ToString(), local);
        Assert.Equal(client.Socket.LocalEndPoint!.ToString(), remote);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_write_larger_than_the_sockets_buffer_arrives_whole(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        byte[] sent = Payload.Make(16 * 1024 * 1024, seed: 2);
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await connection.Transport.Output.WriteAsync(sent);
            // The same again through the writer's own memory, in pieces that do not fit its chunks.
            PipeWriter output = connection.Transport.Output;
            foreach (ReadOnlyMemory<byte> slice in Payload.Slices(sent, longest: 100_000, seed: 3))
            {
                slice.CopyTo(output.GetMemory(slice.Length));
                output.Advance(slice.Length);
            }

            Assert.Equal(sent.Length, output.UnflushedBytes);
            await output.FlushAsync();
            Assert.Equal(0, output.UnflushedBytes);
        });
        await using RawClient client = await server.ConnectAsync();
        Assert.True(Payload.Same(sent, await client.ReceiveExactlyAsync(sent.Length)));
        Assert.True(Payload.Same(sent, await client.ReceiveExactlyAsync(sent.Length)));
        Assert.Empty(await client.ReceiveToEndAsync());
    });

    private static async Task SendSlicedAsync(RawClient client, byte[] bytes, int longest, int seed)
    {
        foreach (ReadOnlyMemory<byte> slice in Payload.Slices(bytes, longest, seed))
        {
            await client.SendAsync(slice);
        }

        client.Fin();
    }
}
