using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class HandlerFailures
{
    public static TheoryData<string, string, string> Failures
    {
        get
        {
            var all = new TheoryData<string, string, string>();
            foreach (TheoryDataRow<string, string> cell in Matrix.Cells)
            {
                foreach (string when in new[] { "before any await", "after a read", "after a foreign await", "in no async method", "by returning null", "by cancelling itself" })
                {
                    all.Add(cell.Data.Item1, cell.Data.Item2, when);
                }
            }

            return all;
        }
    }

    [Theory, MemberData(nameof(Failures))]
    public Task A_handler_that_throws_ends_its_own_connection_only(string model, string transport, string when) => Cell.RunAsync(model, transport, async cell =>
    {
        bool throws = true;
        Task? none = null;
        await using RunningServer server = await cell.StartAsync(connection =>
        {
            if (!Volatile.Read(ref throws))
            {
                return Handlers.Echo(connection);
            }

            return when switch
            {
                "in no async method" => throw new InvalidDataException("on purpose"),
                "by returning null" => none!,
                _ => ThrowAsync(),
            };

            async Task ThrowAsync()
            {
                if (when == "after a read")
                {
                    await connection.Transport.Input.ReadAsync();
                }
                else if (when == "after a foreign await")
                {
                    await Task.Delay(1);
                }
                else if (when == "by cancelling itself")
                {
                    throw new OperationCanceledException();
                }

                throw new InvalidDataException("on purpose");
            }
        });
        await cell.ForEachClientAsync(5, async _ =>
        {
            bool reset = true;
            try
            {
                await using RawClient client = await server.ConnectAsync();
                await client.SendAsync(new byte[3]);
                reset = await client.WaitForEndAsync();
            }
            catch (PeerResetException)
            {
                // It threw before these came.
            }

            Assert.True(reset || !(cell.IsTcp || cell.IsMemory), "the peer saw FIN, as if the answer were complete");
        });
        await server.EndedAsync(5);
        Assert.All(server.Ended, ended =>
        {
            Assert.Equal(CloseReason.HandlerFailed, ended.Reason);
            Assert.NotNull(ended.Failure);
        });
        Volatile.Write(ref throws, false);
        for (int i = 0; i < 20; i++)
        {
            await server.AssertServesAsync(); // more than a pool of broken threads would serve
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_logger_that_throws_on_every_call_harms_nobody(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        using var loggers = new ThrowingLoggers();
        int calls = 0;
        await using (RunningServer server = await cell.StartAsync(connection => Interlocked.Increment(ref calls) % 2 == 0
            ? throw new InvalidDataException("on purpose")
            : Handlers.Echo(connection), loggers: loggers))
        {
            for (int i = 0; i < 5; i++)
            {
                await server.AssertServesAsync();
                try
                {
                    await using RawClient client = await server.ConnectAsync();
                    await client.WaitForEndAsync();
                }
                catch (PeerResetException)
                {
                    // As soon as it was made.
                }
            }

            await server.EndedAsync(10);
        }

        Assert.True(loggers.Calls > 3, $"{loggers.Calls} calls");
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task An_event_subscriber_that_throws_harms_nobody(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = new(cell.Build(Handlers.Echo));
        server.Server.Events.Accepting += () => throw new InvalidOperationException("on purpose");
        server.Server.Events.ConnectionAccepted += _ => throw new InvalidOperationException("on purpose");
        server.Server.Events.ConnectionStarted += _ => throw new InvalidOperationException("on purpose");
        server.Server.Events.ConnectionEnded += _ => throw new InvalidOperationException("on purpose");
        await server.Server.StartAsync();
        for (int i = 0; i < 5; i++)
        {
            await server.AssertServesAsync();
        }

        await server.EndedAsync(5);
        Assert.True(server.Server.Events.SubscriberFailures >= 15);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_handler_that_leaves_a_read_or_a_flush_behind_harms_nobody(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        int calls = 0;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            switch (Interlocked.Increment(ref calls) % 3)
            {
                case 0:
                    await Task.Yield();
                    _ = connection.Transport.Input.ReadAsync().AsTask();
                    return;
                case 1:
                    await Task.Yield();
                    connection.Transport.Output.GetMemory(200_000);
                    connection.Transport.Output.Advance(200_000);
                    _ = connection.Transport.Output.FlushAsync().AsTask();
                    return;
                default:
                    await Task.Yield();
                    Task read = connection.Transport.Input.ReadAsync().AsTask();
                    Task write = connection.Transport.Output.WriteAsync(new byte[300_000]).AsTask();
                    await Task.WhenAny(read, write, Task.Delay(1));
                    return;
            }
        }, options => options.Linger = TimeSpan.FromMilliseconds(20));
        int rounds = cell.IsConcurrent ? 150 : 12;
        await cell.ForEachClientAsync(rounds, async number =>
        {
            await using RawClient client = await server.ConnectAsync();
            try
            {
                await client.SendAsync(new byte[number % 5]);
            }
            catch (PeerResetException)
            {
                return;
            }

            await client.WaitForEndAsync();
        });
        await server.EndedAsync(rounds);
        await Eventually.Until(() => server.Server.Connections == 0, "no connection is left");
    });

    [Theory, MemberData(nameof(Matrix.KernelCells), MemberType = typeof(Matrix))]
    public Task What_was_flushed_before_the_handler_failed_arrives(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await Handlers.ReadExactlyAsync(connection.Transport.Input, 1);
            await connection.Transport.Output.WriteAsync("-ERR on purpose"u8.ToArray());
            throw new InvalidDataException("on purpose");
        });
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[1]);
        Assert.Equal("-ERR on purpose"u8.ToArray(), await client.ReceiveExactlyAsync(15));
        Assert.Equal(CloseReason.HandlerFailed, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.KernelCells), MemberType = typeof(Matrix))]
    public Task What_was_flushed_before_an_abort_arrives(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await Handlers.ReadExactlyAsync(connection.Transport.Input, 1);
            await connection.Transport.Output.WriteAsync("bye"u8.ToArray());
            connection.Abort();
        });
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[1]);
        Assert.Equal("bye"u8.ToArray(), await client.ReceiveExactlyAsync(3));
        Assert.Equal(CloseReason.Aborted, (await server.EndedAsync()).Reason);
    });
}
