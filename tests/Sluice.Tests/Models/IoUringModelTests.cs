using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Sluice.Models;
using Sluice.Models.Completion;
using Sluice.Native;

namespace Sluice.Tests.Models;

/// <summary>What only a ring has: queues and buffers that run out. The behaviours that all models share are in the conformance tests.</summary>
public sealed class IoUringModelTests
{
    private static readonly RingShape FewCompletions = new(64, 64, 1024, 512);
    private static readonly RingShape FewBuffers = new(64, 1024, 16, 256);
    private static readonly RingShape FewSubmissions = new(8, 1024, 256, 4096);

    public static TheoryData<string, string> Shapes => new()
    {
        { nameof(FewCompletions), "tcp" }, { nameof(FewBuffers), "tcp" }, { nameof(FewSubmissions), "tcp" },
        { nameof(FewCompletions), "unix" }, { nameof(FewBuffers), "unix" }, { nameof(FewSubmissions), "unix" },
    };

    [Theory, MemberData(nameof(Shapes))]
    public async Task What_runs_out_in_the_kernel_costs_no_byte_and_no_connection(string shape, string transport)
    {
        await using SocketServer server = Serve(Handlers.Echo, Of(shape), transport);
        await server.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 60).Select(async number =>
        {
            for (int round = 0; round < 3; round++)
            {
                byte[] sent = Payload.Make(40_000, (number * 100) + round);
                await using RawClient client = await RawClient.ConnectAsync(server.LocalUrls[0]);
                Task sending = Task.Run(async () =>
                {
                    await client.SendAsync(sent);
                    client.Fin();
                });
                Assert.Equal(sent, await client.ReceiveToEndAsync());
                await sending;
            }
        })).Within("all have their bytes back", TimeSpan.FromSeconds(60));
        await Eventually.Until(() => server.Connections == 0, "all have ended");
    }

    // Each turn's sends let the kernel complete as many receives, so turns grow with the crowd, and the completion queue has to hold both.
    [Theory, InlineData(false), InlineData(true)]
    public async Task A_busy_crowd_is_served_by_the_smallest_ring(bool isTiny)
    {
        const int Rounds = 20;
        await using SocketServer server = Serve(Handlers.Echo, isTiny ? FewCompletions : RingShape.Steps[^1], "tcp");
        await server.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 400).Select(async number =>
        {
            await using RawClient client = await RawClient.ConnectAsync(server.LocalUrls[0]);
            for (int round = 0; round < Rounds; round++)
            {
                Assert.Equal($"{number} {round}", await client.EchoAsync($"{number} {round}"));
            }
        })).Within("all have their echoes", TimeSpan.FromSeconds(60));
        await Eventually.Until(() => server.Connections == 0, "all have ended");
    }

    [Theory, MemberData(nameof(Shapes))]
    public async Task Who_does_not_read_starves_nobody_and_gets_everything_later(string shape, string transport)
    {
        var mayRead = new TaskCompletionSource();
        var counted = new ConcurrentBag<long>();
        int connections = 0;
        async Task Handle(ConnectionContext connection)
        {
            if (Interlocked.Increment(ref connections) <= 20)
            {
                await mayRead.Task;
                counted.Add(await Handlers.DrainAsync(connection.Transport.Input));
                return;
            }

            await Handlers.Echo(connection);
        }

        await using SocketServer server = Serve(Handle, Of(shape), transport);
        await server.StartAsync();
        RawClient[] silent = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => RawClient.ConnectAsync(server.LocalUrls[0])));
        await Eventually.Until(() => Volatile.Read(ref connections) == 20, "they are served");
        Task[] sending = [.. silent.Select(client => Task.Run(async () =>
        {
            await client.SendAsync(new byte[100_000]);
            client.Fin();
        }))];
        await using (RawClient other = await RawClient.ConnectAsync(server.LocalUrls[0]))
        {
            Assert.Equal("still here", await other.EchoAsync("still here"));
        }

        mayRead.SetResult();
        await Task.WhenAll(sending).Within("everything is sent");
        await Eventually.Until(() => counted.Count == 20, "everything is read");
        Assert.All(counted, count => Assert.Equal(100_000, count));
        foreach (RawClient client in silent)
        {
            await client.DisposeAsync();
        }

        await Eventually.Until(() => server.Connections == 0, "all have ended");
    }

    // The second of two sends waits for the completion of the first, because another connection's came between.
    [Fact]
    public async Task A_continuation_that_throws_after_a_send_costs_its_connection_and_not_the_loop()
    {
        var others = new TaskCompletionSource<IConnectionSender>();
        var waited = new TaskCompletionSource<bool>();
        async Task Handle(ConnectionContext connection)
        {
            if (others.TrySetResult(connection.Features.Get<IConnectionSender>()!))
            {
                await Handlers.Echo(connection);
                return;
            }

            await Handlers.ReadExactlyAsync(connection.Transport.Input, 1);
            await connection.Transport.Output.WriteAsync("a"u8.ToArray());
            (await others.Task).TrySend("x"u8);
            waited.SetResult(ThrowAfter(connection.Transport.Output.WriteAsync("b"u8.ToArray())));
            await Task.Delay(Timeout.Infinite, connection.ConnectionClosed);
        }

        await using SocketServer server = Serve(Handle, RingShape.Steps[0], "tcp");
        await server.StartAsync();
        await using RawClient other = await RawClient.ConnectAsync(server.LocalUrls[0]);
        await others.Task.Within("the first is served");
        await using RawClient client = await RawClient.ConnectAsync(server.LocalUrls[0]);
        await client.SendAsync(new byte[1]);
        Assert.True(await waited.Task.Within("the second send"));
        Assert.Equal("x"u8.ToArray(), await other.ReceiveExactlyAsync(1));
        await client.WaitForEndAsync();
        Assert.Equal("still here", await other.EchoAsync("still here"));
    }

    [Fact]
    public void A_ring_shape_is_really_used()
    {
        using IoUring ring = IoUring.Open([FewCompletions], out _)!;
        Assert.Equal((64, 1024), (ring.CompletionCapacity, ring.Buffers.Entries));
    }

    [Fact]
    public void Auto_is_what_works_here_and_async_where_a_listener_has_no_descriptor()
    {
        Assert.Equal(IoUringModel.Refusal is null ? "io_uring" : "epoll", ConcurrencyModels.Auto.Name);
        Assert.Equal("async", Build("memory://ring-auto").Model.Name);
        Assert.Equal("async", Build("tcp://127.0.0.1:0", "memory://ring-auto").Model.Name);
        Assert.Equal(ConcurrencyModels.Auto.Name, Build("tcp://127.0.0.1:0").Model.Name);

        static SocketServer Build(params string[] urls)
        {
            SocketServerBuilder builder = SocketServer.CreateBuilder().Handle(Handlers.Echo);
            return urls.Aggregate(builder, (made, url) => made.Listen(url)).Build();
        }
    }

    // Whether it was not over, and will throw.
    private static bool ThrowAfter(ValueTask<FlushResult> flush)
    {
        ValueTaskAwaiter<FlushResult> awaiter = flush.GetAwaiter();
        bool waits = !awaiter.IsCompleted;
        awaiter.UnsafeOnCompleted(static () => throw new InvalidDataException("on purpose"));
        return waits;
    }

    private static SocketServer Serve(Func<ConnectionContext, Task> handler, RingShape shape, string transport)
    {
        var options = new SocketServerOptions { Loops = 1, Linger = TimeSpan.FromMilliseconds(200) };
        options.Listen.Add(transport == "unix" ? $"unix://{Path.GetTempPath()}sluice-ring-{Path.GetRandomFileName()}.sock" : "tcp://127.0.0.1:0");
        return new SocketServer(new ServerHandlers(connection => handler(connection), datagrams: null), options, loggers: null, new IoUringModel(shape));
    }

    private static RingShape Of(string name) => name switch
    {
        nameof(FewCompletions) => FewCompletions,
        nameof(FewBuffers) => FewBuffers,
        _ => FewSubmissions,
    };
}
