using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice.Connections;
using Sluice.Tests.Support;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Connections;

public sealed class HomeThreadTests
{
    [Fact]
    public async Task A_handler_that_awaited_elsewhere_comes_home_at_its_next_read()
    {
        (InMemoryStreamSocket peer, Task<int[]> threads) = Serve(async connection =>
        {
            int home = Environment.CurrentManagedThreadId;
            await Task.Delay(1);
            int away = Environment.CurrentManagedThreadId;
            ReadResult result = await connection.Input.ReadAsync();
            connection.Input.AdvanceTo(result.Buffer.End);
            return [home, away, Environment.CurrentManagedThreadId];
        });
        peer.SendAll("x"u8);
        int[] seen = await threads.Within("the handler");
        Assert.NotEqual(seen[0], seen[1]);
        Assert.Equal(seen[0], seen[2]);
    }

    [Fact]
    public async Task A_handler_that_awaited_elsewhere_may_flush_and_comes_home_for_the_read_after_it()
    {
        (InMemoryStreamSocket peer, Task<int[]> threads) = Serve(async connection =>
        {
            int home = Environment.CurrentManagedThreadId;
            await Task.Delay(1);
            await connection.Output.WriteAsync("hello"u8.ToArray());
            await connection.Input.ReadAsync();
            return [home, Environment.CurrentManagedThreadId];
        });
        byte[] received = new byte[10];
        await Eventually.Until(() => peer.Receive(received, wait: false) is { Succeeded: true, Count: 5 }, "the flush");
        peer.SendAll("x"u8);
        int[] seen = await threads.Within("the handler");
        Assert.Equal(seen[0], seen[1]);
    }

    [Fact]
    public async Task A_handler_that_never_awaits_elsewhere_never_leaves_its_thread()
    {
        (InMemoryStreamSocket peer, Task<int[]> threads) = Serve(async connection =>
        {
            var seen = new List<int> { Environment.CurrentManagedThreadId };
            for (int i = 0; i < 5; i++)
            {
                ReadResult result = await connection.Input.ReadAsync();
                await connection.Output.WriteAsync(result.Buffer.First);
                connection.Input.AdvanceTo(result.Buffer.End);
                seen.Add(Environment.CurrentManagedThreadId);
            }

            return [.. seen.Distinct()];
        });
        byte[] echo = new byte[1];
        for (int i = 0; i < 5; i++)
        {
            peer.SendAll([(byte)i]);
            await Eventually.Until(() => peer.Receive(echo, wait: false) is { Succeeded: true, Count: 1 }, "an echo");
            Assert.Equal(i, echo[0]);
        }

        Assert.Single(await threads.Within("the handler"));
    }

    [Fact]
    public async Task A_handler_that_blocks_its_thread_on_a_read_elsewhere_is_rescued()
    {
        (InMemoryStreamSocket peer, Task<int[]> result) = Serve(connection =>
        {
            ReadResult read = Task.Run(async () => await connection.Input.ReadAsync()).Result;
            int length = (int)read.Buffer.Length;
            connection.Input.AdvanceTo(read.Buffer.End);
            Task.Run(async () => await connection.Output.WriteAsync(new byte[length])).Wait();
            return Task.FromResult<int[]>([length]);
        });
        peer.SendAll("four"u8);
        Assert.Equal([4], (await result.Within("the rescue")).AsEnumerable());
        Assert.Equal(4, peer.Receive(new byte[10], wait: false).Count);
    }

    [Fact]
    public async Task A_thread_that_only_computes_is_not_rescued_its_read_waits_for_it()
    {
        (InMemoryStreamSocket peer, Task<int[]> result) = Serve(async connection =>
        {
            int home = Environment.CurrentManagedThreadId;
            Task<int> reader = Task.Run(async () =>
            {
                await connection.Input.ReadAsync();
                return Environment.CurrentManagedThreadId;
            });
            long until = Environment.TickCount64 + 250;
            while (Environment.TickCount64 < until)
            {
                Thread.SpinWait(1000);
            }

            return [home, await reader];
        });
        peer.SendAll("x"u8);
        int[] seen = await result.Within("the read");
        Assert.Equal(seen[0], seen[1]);
    }

    [Fact]
    public async Task A_handler_away_may_flush_while_its_thread_waits_in_a_read()
    {
        (InMemoryStreamSocket peer, Task<int[]> result) = Serve(async connection =>
        {
            await Task.Delay(1);
            ValueTask<ReadResult> reading = connection.Input.ReadAsync();
            await connection.Output.WriteAsync("ping"u8.ToArray());
            ReadResult read = await reading;
            int length = (int)read.Buffer.Length;
            connection.Input.AdvanceTo(read.Buffer.End);
            return [length];
        });
        byte[] ping = new byte[10];
        await Eventually.Until(() => peer.Receive(ping, wait: false) is { Succeeded: true, Count: 4 }, "the flush while a read waits");
        peer.SendAll("answer"u8);
        Assert.Equal([6], (await result.Within("the read")).AsEnumerable());
    }

    [Fact]
    public async Task Deferred_reads_are_pending_and_are_performed_once_the_handler_has_suspended()
    {
        (InMemoryStreamSocket peer, Task<int[]> result) = Serve(
            async connection =>
            {
                int home = Environment.CurrentManagedThreadId;
                ValueTask<ReadResult> reading = connection.Input.ReadAsync();
                bool pending = !reading.IsCompleted;
                await connection.Output.WriteAsync("ping"u8.ToArray());
                ReadResult read = await reading;
                connection.Input.AdvanceTo(read.Buffer.End);
                return [pending ? 1 : 0, Environment.CurrentManagedThreadId == home ? 1 : 0];
            },
            BlockingReads.Deferred);
        byte[] ping = new byte[10];
        await Eventually.Until(() => peer.Receive(ping, wait: false) is { Succeeded: true, Count: 4 }, "the flush");
        peer.SendAll("x"u8);
        Assert.Equal([1, 1], (await result.Within("the deferred read")).AsEnumerable());
    }

    [Fact]
    public async Task A_handler_that_leaves_a_read_behind_still_ends()
    {
        (InMemoryStreamSocket _, Task<int[]> result) = Serve(async connection =>
        {
            await Task.Delay(1);
            _ = connection.Input.ReadAsync().AsTask();
            await Task.Delay(20);
            return [1];
        });
        Assert.Equal([1], (await result.Within("the end of the handler")).AsEnumerable());
    }

    [Fact]
    public async Task What_a_posted_read_throws_reaches_the_handler()
    {
        var looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reset = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        (InMemoryStreamSocket peer, Task<int[]> result) = Serve(async connection =>
        {
            ReadResult first = await connection.Input.ReadAsync();
            connection.Input.AdvanceTo(first.Buffer.Start, first.Buffer.End);
            looked.SetResult();
            await reset.Task;
            await connection.Input.ReadAsync();
            return [1];
        });
        peer.SendAll("half"u8);
        await looked.Task.Within("the first read");
        peer.Reset();
        reset.SetResult();
        await Assert.ThrowsAsync<ConnectionResetException>(() => result.Within("the handler"));
    }

    // Runs the handler as ConnectionRunner does: on a thread of its own, then home until it has ended. The result is there only once the thread came out.
    private static (InMemoryStreamSocket Peer, Task<int[]> Result) Serve(Func<BlockingConnection, Task<int[]>> handler, BlockingReads reads = BlockingReads.Inline)
    {
        (InMemoryStreamSocket server, InMemoryStreamSocket peer) = InMemoryStreamSocket.CreatePair(new InMemoryEndPoint("home"));
        Task<int[]> served = Task.Factory.StartNew(
            () =>
            {
                var connection = new BlockingConnection(server, new ConnectionSettings { BlockingReads = reads }, new HomeThread());
                Task<int[]> running = handler(connection);
                connection.RunHome(running);
                return running.GetAwaiter().GetResult();
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return (peer, served);
    }
}
