using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>
/// A handler of a loop may await what knows nothing of the loop, and goes on where it was; in <c>async</c> it goes on anywhere, and the
/// bytes and the AsyncLocals are right all the same.
/// </summary>
public sealed class ForeignAwaitsComeHome
{
    private const int Connections = 50;
    private const int Turns = 12;
    private const int Frame = 200;

    private static readonly AsyncLocal<string?> Identity = new();

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task After_any_foreign_await_a_loops_handler_is_on_its_thread(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var strays = new ConcurrentQueue<string>();
        await ServeAsync(cell, async connection =>
        {
            int home = Environment.CurrentManagedThreadId;
            await EchoAsync(connection, async turn =>
            {
                await AwaitForeignAsync(turn);
                NoteStray(strays, home, $"foreign await {turn}");
            });
            NoteStray(strays, home, "the end");
        });
        if (cell.IsLoop)
        {
            Assert.Empty(strays);
        }
    });

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task Handlers_of_one_loop_never_run_at_the_same_time(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        int running = 0;
        int overlaps = 0;
        await ServeAsync(cell, async connection =>
        {
            RunAlone();
            await EchoAsync(connection, async turn =>
            {
                RunAlone();
                await AwaitForeignAsync(turn);
                RunAlone();
            });
            RunAlone();
        });
        if (cell.IsLoop)
        {
            Assert.Equal(0, overlaps);
        }

        void RunAlone()
        {
            if (Interlocked.Increment(ref running) != 1)
            {
                Interlocked.Increment(ref overlaps);
            }

            Thread.SpinWait(2000);
            Interlocked.Decrement(ref running);
        }
    });

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task After_ConfigureAwait_false_pipe_calls_work_and_the_next_read_is_home(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var strays = new ConcurrentQueue<string>();
        int away = 0;
        await ServeAsync(cell, async connection =>
        {
            (PipeReader input, PipeWriter output) = (connection.Transport.Input, connection.Transport.Output);
            int home = Environment.CurrentManagedThreadId;
            for (int turn = 0; turn < Turns; turn++)
            {
                await LeaveAsync(turn).ConfigureAwait(false);
                away += Environment.CurrentManagedThreadId == home ? 0 : 1;
                ReadResult result = await input.ReadAsync();
                NoteStray(strays, home, $"read {turn}");
                while (result.Buffer.Length < Frame)
                {
                    await Task.Delay(1).ConfigureAwait(false);
                    input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
                    result = await input.ReadAsync();
                    NoteStray(strays, home, $"read {turn} again");
                }

                byte[] got = result.Buffer.Slice(0, Frame).ToArray();
                await LeaveAsync(turn).ConfigureAwait(false);
                input.AdvanceTo(result.Buffer.GetPosition(Frame));
                got.CopyTo(output.GetMemory(Frame));
                output.Advance(Frame);
                await LeaveAsync(turn).ConfigureAwait(false);
                await output.FlushAsync();
            }
        });
        if (cell.IsLoop)
        {
            Assert.Empty(strays);
            Assert.True(away > 0, "no handler was ever away: the test shows nothing");
        }
    });

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task AsyncLocals_stay_with_their_handler_across_interleaved_connections(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var wrong = new ConcurrentQueue<string>();
        await ServeAsync(cell, async connection =>
        {
            Check(null);
            Identity.Value = connection.ConnectionId;
            await EchoAsync(connection, async turn =>
            {
                Check(connection.ConnectionId);
                await AwaitForeignAsync(turn);
                Check(connection.ConnectionId);
                await AwaitForeignAsync(turn + 1).ConfigureAwait(false);
                Check(connection.ConnectionId);
            });
            Check(connection.ConnectionId);

            void Check(string? expected)
            {
                if (Identity.Value != expected)
                {
                    wrong.Enqueue($"{Identity.Value} where {expected} should be");
                }
            }
        });
        Assert.Empty(wrong);
    });

    // 50 clients on one loop, each with its frames, one at a time.
    private static async Task ServeAsync(Cell cell, Func<ConnectionContext, Task> handler)
    {
        await using RunningServer server = await cell.StartAsync(handler, options => options.Loops = cell.IsLoop ? 1 : null);
        await cell.ForEachClientAsync(Connections, async number =>
        {
            await using RawClient client = await server.ConnectAsync();
            for (int turn = 0; turn < Turns; turn++)
            {
                byte[] sent = Payload.Make(Frame, (number * 1000) + turn);
                await client.SendAsync(sent.AsMemory(0, Frame / 3));
                await client.SendAsync(sent.AsMemory(Frame / 3));
                Assert.Equal(sent, await client.ReceiveExactlyAsync(Frame));
            }

            client.Fin();
            Assert.Empty(await client.ReceiveToEndAsync());
        });
        await server.EndedAsync(Connections);
        Assert.All(server.Ended, ended => Assert.True(ended.Failure is null, ended.Failure?.ToString()));
    }

    private static async Task EchoAsync(ConnectionContext connection, Func<int, Task> between)
    {
        for (int turn = 0; await Handlers.ReadExactlyAsync(connection.Transport.Input, Frame) is { Length: Frame } got; turn++)
        {
            await between(turn);
            await connection.Transport.Output.WriteAsync(got);
        }
    }

    private static async Task AwaitForeignAsync(int turn)
    {
        switch (turn % 5)
        {
            case 0:
                await Task.Delay(1 + (turn % 3));
                break;
            case 1:
                await Task.Run(static () => Thread.SpinWait(1000));
                break;
            case 2:
                await Task.Yield();
                break;
            case 3:
                await CompletedElsewhere(TaskCreationOptions.RunContinuationsAsynchronously);
                break;
            default:
                await CompletedElsewhere(TaskCreationOptions.None);
                break;
        }
    }

    // Leaves the thread, but not by way of the loop's context.
    private static async Task LeaveAsync(int turn)
    {
        if (turn % 3 < 2)
        {
            await CompletedElsewhere(turn % 3 == 0 ? TaskCreationOptions.RunContinuationsAsynchronously : TaskCreationOptions.None).ConfigureAwait(false);
        }
    }

    // As a client library of any kind ends its calls: from a thread of its own.
    private static Task CompletedElsewhere(TaskCreationOptions options)
    {
        var completion = new TaskCompletionSource(options);
        ThreadPool.UnsafeQueueUserWorkItem(
            static completion =>
            {
                Thread.SpinWait(5000); // so that it is awaited by now
                completion.SetResult();
            }, completion, preferLocal: false);
        return completion.Task;
    }

    private static void NoteStray(ConcurrentQueue<string> strays, int home, string after)
    {
        if (Environment.CurrentManagedThreadId is var now && now != home)
        {
            strays.Enqueue($"on thread {now} after {after}, not on {home}");
        }
    }
}
