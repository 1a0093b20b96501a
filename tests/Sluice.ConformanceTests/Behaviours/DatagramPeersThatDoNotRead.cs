using System.Globalization;
using System.Text;
using Sluice.Diagnostics;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>A Unix socket's queue holds a few datagrams (net.unix.max_dgram_qlen). Whoever does not read gets no more, and others do.</summary>
public sealed class DatagramPeersThatDoNotRead
{
    private static readonly int Queue = int.Parse(File.ReadAllText("/proc/sys/net/unix/max_dgram_qlen"), CultureInfo.InvariantCulture);

    [Theory, MemberData(nameof(Matrix.UnixDatagramCells), MemberType = typeof(Matrix))]
    public Task Replies_wait_in_order_for_one_who_reads_in_time_and_others_are_served(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        int replies = (Queue * 3) + 7;
        await using DatagramServer server = await cell.StartAsync(ManyReplies, options => options.Datagrams.SendTimeout = TimeSpan.FromSeconds(20));
        using RawDatagramClient lazy = RawDatagramClient.Open(unix: true, six: false);
        using RawDatagramClient other = server.Connect();
        await AskForAsync(lazy, server, replies);
        await Eventually.Until(() => lazy.Socket.Available > 0, "the first reply is there");
        if (cell.IsConcurrent)
        {
            for (int i = 0; i < 20; i++)
            {
                Assert.Equal("0", await other.AskAsync("1"));
            }
        }

        // More for the lazy one goes behind what waits already, where handlers do not wait for it themselves.
        if (cell.IsInOrder)
        {
            await AskForAsync(lazy, server, 2);
        }

        for (int i = 0; i < replies; i++)
        {
            Assert.Equal($"{i}", await lazy.ReceiveTextAsync());
        }

        if (cell.IsInOrder)
        {
            Assert.Equal("0", await lazy.ReceiveTextAsync());
            Assert.Equal("1", await lazy.ReceiveTextAsync());
        }

        Assert.Equal("0", await other.AskAsync("1"));
        Assert.Empty(server.NotSent);
        Assert.Empty(lazy.Drain());
    });

    [Theory, MemberData(nameof(Matrix.UnixDatagramCells), MemberType = typeof(Matrix))]
    public Task Replies_to_one_who_does_not_read_in_time_are_lost_and_counted(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        const int TooMany = 3;
        var timeout = TimeSpan.FromMilliseconds(100);
        await using DatagramServer server = await cell.StartAsync(ManyReplies, options => options.Datagrams.SendTimeout = timeout);
        using RawDatagramClient lazy = RawDatagramClient.Open(unix: true, six: false);
        long began = Environment.TickCount64;
        await AskForAsync(lazy, server, Queue + 1 + TooMany);
        await Eventually.Until(() => server.NotSent.Count == TooMany, $"{TooMany} replies were lost");
        Assert.InRange(Environment.TickCount64 - began, (long)timeout.TotalMilliseconds - 20, 5_000); // not at once
        Assert.All(server.NotSent, lost => Assert.Equal((NotSentReason.NoRoom, lazy.EndPoint), (lost.Reason, lost.RemoteEndPoint)));
        using RawDatagramClient other = server.Connect();
        Assert.Equal("0", await other.AskAsync("1"));
        Assert.Equal(TooMany, server.Server.Datagrams.NotSent);
        Assert.Equal(string.Join(' ', Enumerable.Range(0, Queue + 1)), string.Join(' ', lazy.Drain().Select(Encoding.UTF8.GetString)));
    });

    [Theory, MemberData(nameof(Matrix.DatagramFileCells), MemberType = typeof(Matrix))]
    public Task A_stop_waits_for_replies_that_wait_for_their_peer(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        int replies = Queue + 8;
        await using DatagramServer server = await cell.StartAsync(ManyReplies, options => options.Datagrams.SendTimeout = TimeSpan.FromSeconds(20));
        using RawDatagramClient lazy = RawDatagramClient.Open(unix: true, six: false);
        await AskForAsync(lazy, server, replies);
        await Eventually.Until(() => server.Server.Datagrams.Sent + server.Server.Datagrams.NotSent >= Queue || lazy.Socket.Available > 0, "the first replies are there");
        Task<DrainReport> stopping = server.Server.StopAsync(TimeSpan.FromSeconds(10));
        Assert.Equal("0", await lazy.ReceiveTextAsync());
        for (int i = 1; i < replies; i++)
        {
            Assert.Equal($"{i}", await lazy.ReceiveTextAsync());
        }

        Assert.True((await stopping.Within("the server stopped")).Took < TimeSpan.FromSeconds(5));
        Assert.Empty(server.NotSent);
    });

    [Theory, MemberData(nameof(Matrix.DatagramFileCells), MemberType = typeof(Matrix))]
    public Task Peers_that_read_now_and_then_get_each_what_was_sent_to_it_in_order(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        const int Peers = 3;
        int each = (Queue * 4) + 5;
        RawDatagramClient[] lazy = [.. Enumerable.Range(0, Peers).Select(_ => RawDatagramClient.Open(unix: true, six: false))];
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            // By itself, some at once and some after a wait.
            var random = new Random(17);
            int[] next = new int[Peers];
            while (next.Sum() < Peers * each)
            {
                int peer = random.Next(Peers);
                if (next[peer] < each)
                {
                    await context.SendToAsync(Encoding.UTF8.GetBytes($"{next[peer]++}"), lazy[peer].EndPoint);
                }

                if (random.Next(20) == 0)
                {
                    await Task.Yield();
                }
            }
        }, options => options.Datagrams.SendTimeout = TimeSpan.FromSeconds(20));
        using RawDatagramClient client = server.Connect();
        await client.SendAsync("go");
        await Task.WhenAll(lazy.Select(async (peer, number) =>
        {
            var random = new Random(number);
            for (int i = 0; i < each; i++)
            {
                if (random.Next(10) == 0)
                {
                    await Task.Delay(random.Next(8)); // it does something else
                }

                Assert.Equal($"{i}", await peer.ReceiveTextAsync());
            }
        }));
        Assert.Empty(server.NotSent);
        Assert.Empty(server.Failed);
        Array.ForEach(lazy, static peer => peer.Dispose());
    });

    // Not connected: what is sent to one that is connected to its sender counts against the sender's buffer alone.
    private static async Task AskForAsync(RawDatagramClient lazy, DatagramServer server, int replies) =>
        await lazy.Socket.SendToAsync(Encoding.UTF8.GetBytes($"{replies}"), RawDatagramClient.EndPointOf(server.Url));

    // As many replies as the datagram says, numbered.
    private static async ValueTask ManyReplies(DatagramContext context)
    {
        int count = int.Parse(Encoding.UTF8.GetString(context.Payload.Span), CultureInfo.InvariantCulture);
        for (int i = 0; i < count; i++)
        {
            await context.ReplyAsync(Encoding.UTF8.GetBytes($"{i}"));
        }
    }
}
