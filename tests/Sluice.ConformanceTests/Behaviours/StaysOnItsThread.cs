using System.Collections.Concurrent;
using System.IO.Pipelines;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class StaysOnItsThread
{
    private static readonly AsyncLocal<string?> Identity = new();

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task In_blocking_models_an_echo_never_suspends_and_never_changes_thread(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        int suspended = 0;
        var threads = new ConcurrentDictionary<int, int>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            int home = Environment.CurrentManagedThreadId;
            PipeReader input = connection.Transport.Input;
            while (true)
            {
                ValueTask<ReadResult> reading = input.ReadAsync();
                suspended += reading.IsCompleted ? 0 : 1;
                ReadResult result = await reading;
                ValueTask<FlushResult> writing = connection.Transport.Output.WriteAsync(result.Buffer.First);
                suspended += writing.IsCompleted ? 0 : 1;
                await writing;
                input.AdvanceTo(result.Buffer.End);
                threads[Environment.CurrentManagedThreadId - home] = 1;
                if (result.IsCompleted)
                {
                    return;
                }
            }
        });
        await using RawClient client = await server.ConnectAsync();
        for (int i = 0; i < 300; i++)
        {
            Assert.Equal("ping", await client.EchoAsync("ping"));
        }

        client.Fin();
        await server.EndedAsync();
        if (cell.Model.Capabilities.Blocking)
        {
            Assert.Equal(0, suspended);
            Assert.Equal([0], threads.Keys);
        }
        else
        {
            Assert.True(suspended > 0, "a read of a model that waits without a thread must be pending sometimes");
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task After_a_foreign_await_the_handler_comes_home_at_its_next_pipe_call(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Rounds = 200;
        int away = 0;
        int home = 0;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            int thread = Environment.CurrentManagedThreadId;
            for (int i = 0; i < Rounds; i++)
            {
                await Task.Yield();
                away += Environment.CurrentManagedThreadId == thread ? 0 : 1;
                byte[] got = await Handlers.ReadExactlyAsync(connection.Transport.Input, 4);
                home += Environment.CurrentManagedThreadId == thread ? 1 : 0;
                await Task.Yield();
                await connection.Transport.Output.WriteAsync(got);
            }
        });
        await using RawClient client = await server.ConnectAsync();
        for (int i = 0; i < Rounds; i++)
        {
            Assert.Equal("ping", await client.EchoAsync("ping"));
        }

        await client.DisposeAsync();
        Assert.Null((await server.EndedAsync()).Failure);
        if (cell.Model.Capabilities.Blocking)
        {
            // A thread that the system did not run for 50 ms counts as blocked by its handler, and is rescued: seldom, on a busy machine.
            Assert.Equal(Rounds, away);
            Assert.InRange(home, Rounds - 4, Rounds);
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Blocking_on_an_async_method_of_ones_own_does_not_deadlock(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        if (!cell.Model.Capabilities.BlockingHandlerSafe)
        {
            return; // the loops' own table says so
        }

        await using RunningServer server = await cell.StartAsync(connection =>
        {
            for (int i = 0; i < 5; i++)
            {
                byte[] got = OwnAsync(connection.Transport).Result;
                Assert.Equal(4, got.Length);
            }

            return Task.CompletedTask;
        });
        await cell.ForEachClientAsync(3, async _ =>
        {
            await using RawClient client = await server.ConnectAsync();
            for (int i = 0; i < 5; i++)
            {
                Assert.Equal("ping", await client.EchoAsync("ping"));
            }

            client.Fin();
            Assert.Empty(await client.ReceiveToEndAsync());
        });

        static async Task<byte[]> OwnAsync(IDuplexPipe transport)
        {
            await Task.Yield();
            byte[] got = await Handlers.ReadExactlyAsync(transport.Input, 4);
            await Task.Yield();
            await transport.Output.WriteAsync(got);
            return got;
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task An_AsyncLocal_of_one_client_is_never_seen_by_another(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var wrong = new ConcurrentQueue<string>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            Check(null);
            Identity.Value = connection.ConnectionId;
            while (await Handlers.ReadExactlyAsync(connection.Transport.Input, 4) is { Length: 4 } got)
            {
                Check(connection.ConnectionId);
                if (got[0] % 2 == 0)
                {
                    await Task.Yield();
                    Check(connection.ConnectionId);
                }

                await connection.Transport.Output.WriteAsync(got);
                Check(connection.ConnectionId);
            }

            void Check(string? expected)
            {
                if (Identity.Value != expected)
                {
                    wrong.Enqueue($"{Identity.Value} where {expected} should be");
                }
            }
        }, options => options.Threads = 4); // fewer than clients: threads are used again
        for (int round = 0; round < 5; round++)
        {
            await cell.ForEachClientAsync(4, async number =>
            {
                await using RawClient client = await server.ConnectAsync();
                for (int i = 0; i < 20; i++)
                {
                    await client.SendAsync(new byte[] { (byte)(i + number), 1, 2, 3 });
                    await client.ReceiveExactlyAsync(4);
                }
            });
        }

        Assert.Empty(wrong);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task With_deferred_reads_a_handler_reads_and_writes_at_once(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Size = 4 * 1024 * 1024;
        byte[] pushed = Payload.Make(Size, seed: 8);
        long read = 0;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            Task<long> reading = Handlers.DrainAsync(connection.Transport.Input);
            foreach (ReadOnlyMemory<byte> slice in Payload.Slices(pushed, 100_000, seed: 9))
            {
                await Task.Yield(); // something of the handler's own
                await connection.Transport.Output.WriteAsync(slice);
            }

            read = await reading;
        }, options => options.BlockingReads = BlockingReads.Deferred);
        await using RawClient client = await server.ConnectAsync();
        // It writes although nothing was sent to it, and reads while it writes.
        await client.ReceiveExactlyAsync(10);
        Task sending = Task.Run(async () =>
        {
            await client.SendAsync(new byte[Size]);
            client.Fin();
        });
        byte[] rest = await client.ReceiveToEndAsync();
        await sending;
        Assert.True(Payload.Same(pushed[10..], rest));
        Assert.Null((await server.EndedAsync()).Failure);
        Assert.Equal(Size, read);
    });
}
