using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>
/// A socket that is ready while nobody wants it does not keep its loop awake: level-triggered calls (select, poll) tell of it again and again.
/// </summary>
[Collection(nameof(Alone))]
public sealed class LoopsRest
{
    private static readonly TimeSpan Watched = TimeSpan.FromMilliseconds(300);

    // A flush that has not completed in this time waits for the peer, not for its turn.
    private static readonly TimeSpan Stuck = TimeSpan.FromMilliseconds(100);

    // A loop that spins takes all of it.
    private static readonly TimeSpan MostCpu = Watched / 3;

    [Theory, MemberData(nameof(Matrix.WaitingTcpCells), MemberType = typeof(Matrix))]
    public Task While_bytes_come_that_no_read_waits_for(string model, string transport) => RestAsync(model, transport, async (connection, over) =>
    {
        await BeginAsync(connection);
        await over;
    }, static client => client.SendAsync(new byte[1000]));

    [Theory, MemberData(nameof(Matrix.WaitingTcpCells), MemberType = typeof(Matrix))]
    public Task While_the_peer_has_finished_and_no_read_waits(string model, string transport) => RestAsync(model, transport, async (connection, over) =>
    {
        await BeginAsync(connection);
        await over;
    }, static client =>
    {
        client.Fin();
        return Task.CompletedTask;
    });

    [Theory, MemberData(nameof(Matrix.WaitingTcpCells), MemberType = typeof(Matrix))]
    public Task While_the_last_reply_waits_for_a_peer_that_goes_on_sending(string model, string transport) => RestAsync(model, transport, async (connection, _) =>
    {
        await BeginAsync(connection);
        connection.Transport.Output.Write(new byte[64 * 1024 * 1024]);
    }, static client => client.SendAsync(new byte[1000]));

    [Theory, MemberData(nameof(Matrix.WaitingTcpCells), MemberType = typeof(Matrix))]
    public Task While_a_flush_that_was_cancelled_could_go_on_and_no_one_asks(string model, string transport)
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return RestAsync(model, transport, async (connection, over) =>
        {
            PipeWriter output = connection.Transport.Output;
            await BeginAsync(connection);
            ValueTask<FlushResult> flushing = output.WriteAsync(new byte[64 * 1024 * 1024]);
            await begun.Task;
            output.CancelPendingFlush();
            FlushResult flushed = await flushing;
            cancelled.SetResult();
            Assert.True(flushed.IsCanceled);
            await over;
        }, async client =>
        {
            await client.ReceiveExactlyAsync(50_000);
            begun.SetResult();
            await cancelled.Task; // who read on meanwhile could have let the flush end first
            byte[] some = new byte[64 * 1024];
            using var none = new CancellationTokenSource(200);
            try
            {
                while (await client.ReceiveAsync(some, none.Token) > 0)
                {
                }
            }
            catch (OperationCanceledException)
            {
                // Everything that was sent is here, so the socket can take more.
            }
        });
    }

    [Theory, MemberData(nameof(Matrix.WaitingTcpCells), MemberType = typeof(Matrix))]
    public Task While_the_last_replies_were_sent_late_and_the_peer_stays(string model, string transport)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return RestAsync(model, transport, async (connection, _) =>
        {
            // Small flushes, one after the other, until one waits because the peer does not read: then the handler ends.
            PipeWriter output = connection.Transport.Output;
            await BeginAsync(connection);
            Task<FlushResult> flush;
            do
            {
                flush = output.WriteAsync(new byte[4096]).AsTask();
            }
            while (flush.IsCompleted || await Task.WhenAny(flush, Task.Delay(Stuck)) == flush);
            output.CancelPendingFlush();
            await flush;
            ended.SetResult();
        }, async client =>
        {
            await ended.Task.Within("the handler ended");
            byte[] some = new byte[64 * 1024];
            while (await client.ReceiveAsync(some) > 0)
            {
            }
        });
    }

    private static async Task BeginAsync(ConnectionContext connection) =>
        await connection.Transport.Output.WriteAsync(await Handlers.ReadExactlyAsync(connection.Transport.Input, 1));

    private static Task RestAsync(string model, string transport, Func<ConnectionContext, Task, Task> handler, Func<RawClient, Task> disturb) => Cell.RunAsync(model, transport, async cell =>
    {
        var over = new TaskCompletionSource();
        await using RunningServer server = await cell.StartAsync(connection => handler(connection, over.Task), options => options.Loops = cell.IsLoop ? 1 : null);
        await using RawClient client = await server.ConnectAsync();
        await client.EchoAsync("x");
        try
        {
            await disturb(client);
        }
        catch (IOException) when (server.Ended.FirstOrDefault().Failure is { } failure)
        {
            Assert.Fail($"The handler: {failure}");
        }

        await Task.Delay(50); // what there is to do is done
        TimeSpan before = ProcessCounters.OwnCpu();
        await Task.Delay(Watched);
        TimeSpan cpu = ProcessCounters.OwnCpu() - before;
        over.SetResult();
        Assert.InRange(cpu, TimeSpan.Zero, MostCpu);
    });
}
