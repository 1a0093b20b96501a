using Sluice.Models.Threads;
using Sluice.Tests.Support;
using Sluice.Transports;

namespace Sluice.Tests.Models;

public sealed class WorkQueueTests
{
    private readonly StubListener _listener = new();

    [Fact]
    public void A_full_queue_says_no_to_who_does_not_wait()
    {
        var queue = new WorkQueue<(Listener Listener, StreamSocket Socket)>(2);
        Assert.True(queue.TryAdd((_listener, new StubSocket()), wait: false));
        Assert.True(queue.TryAdd((_listener, new StubSocket()), wait: false));
        Assert.False(queue.TryAdd((_listener, new StubSocket()), wait: false));
        Assert.Equal(2, queue.Count);
    }

    [Fact]
    public void First_come_first_served()
    {
        var queue = new WorkQueue<(Listener Listener, StreamSocket Socket)>(10);
        StubSocket[] sockets = [.. Enumerable.Range(0, 10).Select(_ => new StubSocket())];
        Assert.All(sockets, socket => Assert.True(queue.TryAdd((_listener, socket), wait: false)));
        Assert.All(sockets, socket =>
        {
            Assert.True(queue.TryTake(out (Listener Listener, StreamSocket Socket) work));
            Assert.Same(socket, work.Socket);
        });
    }

    [Fact]
    public async Task Who_waits_for_room_gets_in_when_one_is_taken()
    {
        var queue = new WorkQueue<(Listener Listener, StreamSocket Socket)>(1);
        Assert.True(queue.TryAdd((_listener, new StubSocket()), wait: false));
        Task<bool> waiting = Threaded(() => queue.TryAdd((_listener, new StubSocket()), wait: true));
        Assert.True(queue.TryTake(out _));
        Assert.True(await waiting.Within("room in the queue"));
        Assert.Equal(1, queue.Count);
    }

    [Fact]
    public async Task A_queue_of_none_hands_over_to_a_thread_that_waits()
    {
        var queue = new WorkQueue<(Listener Listener, StreamSocket Socket)>(0);
        Assert.False(queue.TryAdd((_listener, new StubSocket()), wait: false));
        var socket = new StubSocket();
        Task<StreamSocket?> taker = Threaded(() => queue.TryTake(out (Listener, StreamSocket Socket) work) ? work.Socket : null);
        await Eventually.Until(() => queue.TryAdd((_listener, socket), wait: false), "a thread waits for work");
        Assert.Same(socket, await taker.Within("the hand-over"));
        Assert.False(queue.TryAdd((_listener, new StubSocket()), wait: false));
    }

    [Fact]
    public async Task Closing_wakes_all_who_wait()
    {
        var queue = new WorkQueue<(Listener Listener, StreamSocket Socket)>(0);
        Task<bool> adder = Threaded(() => queue.TryAdd((_listener, new StubSocket()), wait: true));
        queue.Close(drop: null);
        Assert.False(await adder.Within("the one who waits for room"));

        var empty = new WorkQueue<(Listener Listener, StreamSocket Socket)>(1);
        Task<bool> taker = Threaded(() => empty.TryTake(out _));
        empty.Close(drop: null);
        Assert.False(await taker.Within("the one who waits for work"));
    }

    [Fact]
    public void What_still_waits_at_the_close_is_served_or_dropped_as_asked()
    {
        var served = new WorkQueue<(Listener Listener, StreamSocket Socket)>(5);
        served.TryAdd((_listener, new StubSocket()), wait: false);
        served.Close(drop: null);
        Assert.True(served.TryTake(out _));
        Assert.False(served.TryTake(out _));

        var dropping = new WorkQueue<(Listener Listener, StreamSocket Socket)>(5);
        var socket = new StubSocket();
        dropping.TryAdd((_listener, socket), wait: false);
        var dropped = new List<StreamSocket>();
        dropping.Close(waiting => dropped.Add(waiting.Socket));
        Assert.Same(socket, Assert.Single(dropped));
        Assert.False(dropping.TryTake(out _));
    }

    [Fact]
    public async Task Nothing_is_lost_or_taken_twice_between_many_threads()
    {
        const int Each = 2_000;
        var queue = new WorkQueue<(Listener Listener, StreamSocket Socket)>(3);
        var taken = new System.Collections.Concurrent.ConcurrentBag<StreamSocket>();
        Task[] takers = [.. Enumerable.Range(0, 3).Select(_ => Threaded(() =>
        {
            while (queue.TryTake(out (Listener, StreamSocket Socket) work))
            {
                taken.Add(work.Socket);
            }

            return true;
        }))];
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Threaded(() =>
            Enumerable.Range(0, Each).All(_ => queue.TryAdd((_listener, new StubSocket()), wait: true))))).Within("adding");
        queue.Close(drop: null);
        await Task.WhenAll(takers).Within("taking");
        Assert.Equal(3 * Each, taken.Distinct().Count());
        Assert.Equal(3 * Each, taken.Count);
    }

    private static Task<T> Threaded<T>(Func<T> body) =>
        Task.Factory.StartNew(body, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
