using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

public sealed class SessionThreadingTests
{
    private static readonly AsyncLocal<string?> Local = new();

    [Fact]
    public void The_handler_goes_on_inside_the_call_that_brings_its_datagram()
    {
        var threads = new List<int>();
        using var sessions = new DatagramSessions(async session =>
        {
            while (await session.Transport.Input.ReadAsync() is { IsCompleted: false } read)
            {
                threads.Add(Environment.CurrentManagedThreadId);
                session.Transport.Input.AdvanceTo(read.Buffer.End);
            }
        });
        var listener = new FakeDatagrams(sessions);
        for (int i = 1; i <= 3; i++)
        {
            listener.Bring(1, 1);
            Assert.Equal(Enumerable.Repeat(Environment.CurrentManagedThreadId, i), threads);
        }
    }

    [Fact]
    public async Task A_blocked_handler_keeps_only_the_thread_that_brought_its_datagram()
    {
        using var blocks = new SemaphoreSlim(0);
        using var sessions = new DatagramSessions(async session =>
        {
            while (await session.Transport.Input.ReadAsync() is { IsCompleted: false } read)
            {
                if (read.Buffer.FirstSpan[0] == 1)
                {
                    blocks.Wait();
                }

                session.Transport.Output.Write(read.Buffer.FirstSpan);
                session.Transport.Input.AdvanceTo(read.Buffer.End);
                await session.Transport.Output.FlushAsync();
            }
        });
        var listener = new FakeDatagrams(sessions);
        Task blocked = Task.Run(async () => await listener.BringAsync(1, 1));
        await Eventually.Until(() => sessions.Count == 1, "the handler runs");
        await listener.BringAsync(1, 2);
        await listener.BringAsync(2, 3);
        Assert.Equal([[3]], listener.TakeSent());
        blocks.Release();
        await blocked.Within("the blocked one goes on");
        Assert.Equal([[1], [2]], listener.TakeSent());
    }

    [Fact]
    public async Task A_session_is_never_in_two_threads_and_loses_nothing()
    {
        const int Each = 20_000;
        int inside = 0;
        int twice = 0;
        int served = 0;
        using var sessions = new DatagramSessions(async session =>
        {
            while (await session.Transport.Input.ReadAsync() is { IsCompleted: false } read)
            {
                twice += Interlocked.Increment(ref inside) > 1 ? 1 : 0;
                served++;
                session.Transport.Input.AdvanceTo(read.Buffer.End);
                Interlocked.Decrement(ref inside);
                if (served % 100 == 0)
                {
                    await Task.Yield();
                }
            }
        }, new() { MaxQueuedDatagrams = int.MaxValue, MaxQueuedBytes = int.MaxValue });
        var listener = new FakeDatagrams(sessions);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < Each; i++)
            {
                await listener.BringAsync(1, 1);
            }
        })));
        await Eventually.Until(() => Volatile.Read(ref served) == 4 * Each, "all are served");
        Assert.Equal((0, 1, 0), (twice, sessions.Begun, sessions.QueuedBytes));
    }

    [Fact]
    public async Task Sessions_that_begin_and_end_on_many_threads_leave_nothing_behind()
    {
        long answered = 0;
        using var sessions = new DatagramSessions(async session =>
        {
            for (int i = 0; i < 3 && await session.Transport.Input.ReadAsync() is { IsCompleted: false } read; i++)
            {
                session.Transport.Input.AdvanceTo(read.Buffer.End);
                Interlocked.Increment(ref answered);
            }
        });
        var listener = new FakeDatagrams(sessions);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(async () =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                await listener.BringAsync(i % 5, 1);
            }
        })));
        Assert.Equal(80_000, answered + sessions.Dropped + sessions.QueuedBytes);
        sessions.Dispose();
        await Eventually.Until(() => sessions.Count == 0, "all end");
        Assert.Equal(0, sessions.QueuedBytes);
    }

    [Fact]
    public async Task Sessions_that_send_to_each_other_do_not_grow_the_stack()
    {
        int hops = 0;
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var sessions = new DatagramSessions(SessionHandlers.Echo);
        var listener = new FakeDatagrams(sessions) { Keeps = false };
        listener.OnSend = payload =>
        {
            if (++hops == 100_000)
            {
                end.SetResult();
            }
            else
            {
                listener.Bring(hops % 2, payload);
            }
        };
        await listener.BringAsync(1, 1);
        await end.Task.Within("all hops");
    }

    [Fact]
    public async Task Under_a_loop_the_handler_is_always_on_it()
    {
        using var loop = new OneThread();
        var elsewhere = new ConcurrentQueue<string>();
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(string where)
        {
            if (Environment.CurrentManagedThreadId != loop.Thread)
            {
                elsewhere.Enqueue(where);
            }
        }

        using var sessions = new DatagramSessions(async session =>
        {
            Look("begin");
            while (await session.Transport.Input.ReadAsync() is var read)
            {
                Look("read");
                if (read.IsCompleted)
                {
                    break;
                }

                session.Transport.Input.AdvanceTo(read.Buffer.End);
                await Task.Delay(1);
                Look("delay");
                session.Transport.Output.Write([1]);
                await session.Transport.Output.FlushAsync();
                Look("flush");
            }

            ended.SetResult();
        });
        var listener = new FakeDatagrams(sessions);
        for (int i = 1; i <= 3; i++)
        {
            loop.Post(_ => listener.Bring(1, 1), null);
            await Eventually.Until(() => listener.Sent.Count == i, "an answer");
        }

        await listener.BringAsync(1, 1); // from a thread that is not the loop's
        await Eventually.Until(() => listener.Sent.Count == 4, "an answer");
        sessions.Dispose(); // and its end
        await ended.Task.Within("the end");
        await Eventually.Until(() => sessions.Count == 0, "the session is forgotten");
        Assert.Empty(elsewhere);
    }

    [Fact]
    public void What_is_local_to_one_session_is_not_seen_by_another_nor_by_who_brings_datagrams()
    {
        var seen = new List<string?>();
        Local.Value = "made";
        using var sessions = new DatagramSessions(async session =>
        {
            seen.Add(Local.Value);
            Local.Value = $"{session.RemoteEndPoint}";
            while (await session.Transport.Input.ReadAsync() is { IsCompleted: false } read)
            {
                session.Transport.Input.AdvanceTo(read.Buffer.End);
                seen.Add(Local.Value);
            }
        });
        Local.Value = "brought";
        var listener = new FakeDatagrams(sessions);
        listener.Bring(1, 1);
        listener.Bring(2, 1);
        listener.Bring(1, 1);
        Assert.Equal("brought", Local.Value);
        Assert.Equal(["made", "10.0.0.1:5000", "made", "10.0.0.2:5000", "10.0.0.1:5000"], seen);
    }

    [Fact]
    public void A_session_that_a_handler_aborts_is_not_resumed_in_the_middle_of_it()
    {
        var order = new ConcurrentQueue<string>();
        ConnectionContext? other = null;
        using var ended = new ManualResetEventSlim();
        using var sessions = new DatagramSessions(async session =>
        {
            if (other is null)
            {
                other = session;
                ReadResult first = await session.Transport.Input.ReadAsync();
                session.Transport.Input.AdvanceTo(first.Buffer.End);
                await session.Transport.Input.ReadAsync();
                order.Enqueue(Environment.CurrentManagedThreadId == Thread ? "inside" : "apart");
                ended.Set();
                return;
            }

            Thread = Environment.CurrentManagedThreadId;
            other.Abort();
            ended.Wait(Eventually.Deadline);
        });
        var listener = new FakeDatagrams(sessions);
        listener.Bring(1, 1);
        listener.Bring(2, 1);
        Assert.Equal("apart", Assert.Single(order));
    }

    private int Thread { get; set; }

    /// <summary>The smallest loop: one thread with a SynchronizationContext.</summary>
    private sealed class OneThread : SynchronizationContext, IDisposable
    {
        private readonly BlockingCollection<(SendOrPostCallback Call, object? State)> _posted = [];
        private readonly Thread _thread;

        public OneThread()
        {
            _thread = new Thread(() =>
            {
                SetSynchronizationContext(this);
                foreach ((SendOrPostCallback call, object? state) in _posted.GetConsumingEnumerable())
                {
                    call(state);
                }
            });
            _thread.Start();
        }

        public int Thread => _thread.ManagedThreadId;

        public override void Post(SendOrPostCallback d, object? state) => _posted.Add((d, state));

        public void Dispose()
        {
            _posted.CompleteAdding();
            _thread.Join();
            _posted.Dispose();
        }
    }
}
