using System.IO.Pipelines;
using System.Net.Sockets;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>A client that floods does not starve another one, though one thread serves both.</summary>
[Collection(nameof(Alone))]
public sealed class IsFair
{
    private const int Answers = 200;
    private const int FloodAtLeast = 4 * 1024 * 1024;

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task One_that_sends_as_fast_as_it_can_leaves_another_its_turns(string model, string transport) =>
        FloodAsync(model, transport, 'd', static async (socket, buffer) => await socket.SendAsync(buffer, SocketFlags.None));

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task One_that_receives_as_fast_as_it_can_leaves_another_its_turns(string model, string transport) =>
        FloodAsync(model, transport, 'c', static async (socket, buffer) => await socket.ReceiveAsync(buffer, SocketFlags.None));

    private static Task FloodAsync(string model, string transport, char kind, Func<Socket, byte[], Task<int>> step) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(
            async connection =>
            {
                switch ((char)(await Handlers.ReadExactlyAsync(connection.Transport.Input, 1))[0])
                {
                    case 'd':
                        await Handlers.DrainAsync(connection.Transport.Input);
                        break;
                    case 'c':
                        await GenerateAsync(connection.Transport.Output);
                        break;
                    default:
                        await Handlers.Echo(connection);
                        break;
                }
            },
            options => options.Loops = cell.IsLoop ? 1 : null);
        var flooder = (SocketRawClient)await server.ConnectAsync();
        await flooder.SendAsync(new[] { (byte)kind });
        long flooded = 0;
        Task flood = Task.Run(async () =>
        {
            byte[] buffer = new byte[256 * 1024];
            try
            {
                while (await step(flooder.Socket, buffer) is > 0 and int count)
                {
                    Interlocked.Add(ref flooded, count);
                }
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException)
            {
                // The flood is over.
            }
        });
        await Eventually.Until(() => Interlocked.Read(ref flooded) > FloodAtLeast, "the flood flows");
        await using (RawClient echo = await server.ConnectAsync())
        {
            await echo.SendAsync(new byte[1]);
            await EchoAsync(echo, [1, 2, 3]);
            long before = Interlocked.Read(ref flooded);
            for (int i = 1; i < Answers; i++)
            {
                await EchoAsync(echo, [(byte)i]);
            }

            Assert.True(Interlocked.Read(ref flooded) - before > FloodAtLeast, "the flood had ended: the test shows nothing");
        }

        flooder.Reset();
        await flood.Within("the flood ended");
    });

    private static async Task EchoAsync(RawClient echo, byte[] message)
    {
        await echo.SendAsync(message);
        Assert.Equal(message, await echo.ReceiveExactlyAsync(message.Length));
    }

    private static async Task GenerateAsync(PipeWriter output)
    {
        FlushResult flushed;
        do
        {
            output.Advance(output.GetMemory(4096).Length);
            flushed = await output.FlushAsync();
        }
        while (!flushed.IsCompleted);
    }
}
