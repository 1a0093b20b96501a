using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Tests;

public sealed class SocketServerBuilderTests
{
    public static TheoryData<string> Models => [.. Sluice.Models.ConcurrencyModels.All.Where(model => model.Capabilities.SharesMemory).Select(model => model.Name)];

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Middleware_wraps_any_handler_and_may_put_other_pipes_in_place(string model)
    {
        var order = new List<string>();
        SocketServerBuilder builder = SocketServer.CreateBuilder().UseModel(model).Listen("tcp://127.0.0.1:0").Handle(EchoAsync);
        IConnectionBuilder connections = builder;
        connections.Use(next => async connection =>
        {
            order.Add("outer in");
            await next(connection);
            order.Add("outer out");
        });
        connections.Use(next => async connection =>
        {
            order.Add("inner in");
            IDuplexPipe plain = connection.Transport;
            connection.Transport = new Shouting(plain);
            await next(connection);
            connection.Transport = plain;
            order.Add("inner out");
        });
        await using SocketServer server = builder.Build();
        await server.StartAsync();
        await using ConnectionContext client = await SocketClient.ConnectAsync(server.LocalUrls[0].ToString());
        await client.Transport.Output.WriteAsync("abc"u8.ToArray());
        await client.Transport.Output.CompleteAsync();
        ReadResult answer = await client.Transport.Input.ReadAtLeastAsync(3).AsTask().Within("the echo");
        Assert.Equal("ABC"u8.ToArray(), answer.Buffer.ToArray());
        await server.StopAsync().Within("the stop");
        Assert.Equal(["outer in", "inner in", "inner out", "outer out"], order);
    }

    [Fact]
    public async Task A_middleware_may_end_the_pipeline_without_a_handler()
    {
        var served = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using SocketServer server = SocketServer.CreateBuilder().Listen("memory://no-handler").Use(_ => _ =>
        {
            served.SetResult();
            return Task.CompletedTask;
        }).Build();
        await server.StartAsync();
        await using ConnectionContext client = await SocketClient.ConnectAsync("memory://no-handler");
        await served.Task.Within("the middleware");
    }

    [Fact]
    public void Middleware_that_asks_for_services_finds_none_rather_than_null() =>
        Assert.Null(((IConnectionBuilder)SocketServer.CreateBuilder()).ApplicationServices.GetService(typeof(string)));

    private static async Task EchoAsync(ConnectionContext connection)
    {
        while (true)
        {
            ReadResult read = await connection.Transport.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in read.Buffer)
            {
                await connection.Transport.Output.WriteAsync(segment);
            }

            connection.Transport.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private sealed class Shouting(IDuplexPipe inner) : IDuplexPipe
    {
        public PipeReader Input => inner.Input;

        public PipeWriter Output { get; } = new ShoutingWriter(inner.Output);
    }

    private sealed class ShoutingWriter(PipeWriter inner) : PipeWriter
    {
        public override void Advance(int bytes) => inner.Advance(bytes);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => inner.FlushAsync(cancellationToken);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
            inner.WriteAsync(source.ToArray().Select(one => one is >= (byte)'a' and <= (byte)'z' ? (byte)(one - 32) : one).ToArray(), cancellationToken);
    }
}
