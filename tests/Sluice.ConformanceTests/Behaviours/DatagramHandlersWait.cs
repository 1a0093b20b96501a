using System.Text;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Handlers that wait for something of their own.</summary>
public sealed class DatagramHandlersWait
{
    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task Others_are_served_meanwhile_and_what_a_handler_was_lent_stays_its_own(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        int waiters = cell.IsConcurrent ? 20 : 1;
        int waiting = 0;
        int served = 0;
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            if (context.Payload.Span[0] == 'w')
            {
                Interlocked.Increment(ref waiting);
                await release.Task;
            }

            Interlocked.Increment(ref served);
            await context.ReplyAsync(context.Payload);
        });
        byte[][] sent = [.. Enumerable.Range(0, waiters).Select(number => (byte[])[(byte)'w', .. Payload.Make(1000 + number, number)])];
        RawDatagramClient[] clients = [.. sent.Select(_ => server.Connect())];
        foreach ((RawDatagramClient client, byte[] datagram) in clients.Zip(sent))
        {
            await client.SendAsync(datagram);
        }

        await Eventually.Until(() => Volatile.Read(ref waiting) == waiters, "all wait");
        using RawDatagramClient other = server.Connect();
        if (cell.IsConcurrent)
        {
            for (int i = 0; i < 100; i++)
            {
                byte[] between = Payload.Make(1 + (i * 37), seed: 1000 + i);
                between[0] = (byte)'x';
                await other.SendAsync(between);
                Assert.True(Payload.Same(between, await other.ReceiveAsync()));
            }
        }
        else
        {
            await other.SendAsync("x");
            await Eventually.Never(() => Volatile.Read(ref served) > 0, TimeSpan.FromMilliseconds(100), "a second one was served before the first had ended");
        }

        release.SetResult();
        foreach ((RawDatagramClient client, byte[] datagram) in clients.Zip(sent))
        {
            Assert.True(Payload.Same(datagram, await client.ReceiveAsync()), "the bytes changed while the handler waited");
            client.Dispose();
        }

        await server.AssertServesAsync();
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task No_more_are_handled_at_once_than_the_maximum_and_all_are_in_the_end(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        const int Maximum = 5;
        const int Count = 200;
        int expected = cell.IsConcurrent ? Maximum : 1;
        var full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int now = 0;
        int most = 0;
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            int inside = Interlocked.Increment(ref now);
            InterlockedMax(ref most, inside);
            if (inside == expected)
            {
                full.TrySetResult();
            }

            await full.Task; // the first ones wait for each other, however late the system starts their threads
            await Task.Delay(1);
            Interlocked.Decrement(ref now);
            await context.ReplyAsync(context.Payload);
        }, options => options.Datagrams.MaxConcurrent = Maximum);
        using RawDatagramClient client = server.Connect();
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < Count; i++)
            {
                await client.SendAsync($"{i}");
            }
        });
        var answers = new HashSet<string>(StringComparer.Ordinal);
        while (answers.Count < Count)
        {
            Assert.True(answers.Add(await client.ReceiveTextAsync()), "one was answered twice");
        }

        await sending;
        Assert.Equal(expected, most);
        Assert.Empty(server.Dropped);
    });

    private static void InterlockedMax(ref int most, int value)
    {
        int seen;
        while (value > (seen = Volatile.Read(ref most)) && Interlocked.CompareExchange(ref most, value, seen) != seen)
        {
        }
    }
}

/// <summary>While the maximum of datagrams is reached, what the kernel has keeps nobody awake.</summary>
[Collection(nameof(Alone))]
public sealed class DatagramReceiversRest
{
    private static readonly TimeSpan Watched = TimeSpan.FromMilliseconds(300);

    [Theory, MemberData(nameof(Matrix.DatagramKindCells), MemberType = typeof(Matrix))]
    public Task While_the_maximum_of_handlers_wait_and_more_has_come(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        int begun = 0;
        int maximum = cell.IsConcurrent ? 2 : 1;
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            Interlocked.Increment(ref begun);
            await release.Task;
            await context.ReplyAsync(context.Payload);
        }, options => options.Datagrams.MaxConcurrent = maximum);
        using RawDatagramClient client = server.Connect();
        for (int i = 0; i < maximum + 6; i++)
        {
            await client.SendAsync($"{i}");
        }

        await Eventually.Until(() => Volatile.Read(ref begun) == maximum, "as many as may are handled");
        await Task.Delay(50); // what there is to do is done
        TimeSpan before = ProcessCounters.OwnCpu();
        await Task.Delay(Watched);
        TimeSpan cpu = ProcessCounters.OwnCpu() - before;
        Assert.Equal(maximum, begun);
        release.SetResult();
        var answers = new HashSet<string>(StringComparer.Ordinal);
        while (answers.Count < maximum + 6)
        {
            answers.Add(Encoding.UTF8.GetString(await client.ReceiveAsync()));
        }

        Assert.InRange(cpu, TimeSpan.Zero, Watched / 3);
    });
}
