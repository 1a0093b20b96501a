using System.Collections.Concurrent;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Several datagrams that the kernel carries as one (UDP_SEGMENT, UDP_GRO): handlers see no difference.</summary>
public sealed class DatagramsTogether
{
    private const int Udp = 17, UdpSegment = 103;
    private const int Segment = 500;
    private const int Count = 21;
    private const int Last = 123;

    /// <summary>What a handler does with each.</summary>
    public enum Doing
    {
        Answers,
        WaitsAndAnswers,
        AnswersAndWaits,
    }

    public static TheoryData<string, string, bool, Doing> Cells
    {
        get
        {
            var all = new TheoryData<string, string, bool, Doing>();
            foreach (TheoryDataRow<string, string> cell in Matrix.UdpCells)
            {
                foreach (Doing doing in Enum.GetValues<Doing>())
                {
                    all.Add(cell.Data.Item1, cell.Data.Item2, true, doing);
                    all.Add(cell.Data.Item1, cell.Data.Item2, false, doing);
                }
            }

            return all;
        }
    }

    [Theory, MemberData(nameof(Cells))]
    public Task Each_is_handled_and_answered_by_itself(string model, string transport, bool offload, Doing doing) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var seen = new ConcurrentQueue<byte[]>();
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            seen.Enqueue(context.Payload.ToArray());
            if (doing == Doing.WaitsAndAnswers)
            {
                await Task.Run(static () => { }).ConfigureAwait(false);
            }

            await context.ReplyAsync(context.Payload);
            if (doing == Doing.AnswersAndWaits)
            {
                await Task.Run(static () => { }).ConfigureAwait(false);
            }
        }, options => options.Datagrams.Offload = offload);
        using RawDatagramClient client = server.Connect();
        for (int round = 0; round < 5; round++)
        {
            byte[][] sent = await SendTogetherAsync(client, round);
            byte[][] received = await ReceiveAsync(client);
            bool inOrder = cell.IsInOrder && (doing != Doing.WaitsAndAnswers || !cell.IsConcurrent);
            AssertSame(sent, received, inOrder, "received");
            AssertSame(sent, [.. seen], cell.IsInOrder, "seen");
            seen.Clear();
        }

        Assert.Empty(server.Dropped);
        Assert.Empty(server.NotSent);
        await Eventually.Until(() => server.Server.Datagrams is { Received: 5 * Count, Sent: 5 * Count }, "each is counted");
    });

    [Theory, MemberData(nameof(Matrix.UdpCells), MemberType = typeof(Matrix))]
    public Task A_small_maximum_of_bytes_cuts_none_of_those_that_fit(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        int cut = 0;
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            Interlocked.Add(ref cut, context.IsTruncated ? 1 : 0);
            return context.ReplyAsync(context.Payload);
        }, options => options.Datagrams.MaxSize = Segment);
        using RawDatagramClient client = server.Connect();
        AssertSame(await SendTogetherAsync(client, 1), await ReceiveAsync(client), cell.IsInOrder, "received");
        Assert.Equal(0, cut);
    });

    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task A_small_maximum_of_handlers_loses_none(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        int now = 0;
        int most = 0;
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            int inside = Interlocked.Increment(ref now);
            lock (cell)
            {
                most = Math.Max(most, inside);
            }

            await Task.Delay(1);
            Interlocked.Decrement(ref now);
            await context.ReplyAsync(context.Payload);
        }, options => options.Datagrams.MaxConcurrent = 5);
        using RawDatagramClient client = server.Connect();
        for (int round = 0; round < 3; round++)
        {
            AssertSame(await SendTogetherAsync(client, round), await ReceiveAsync(client), inOrder: false, "received");
        }

        Assert.InRange(most, 1, 5);
        Assert.Empty(server.Dropped);
    });

    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task Those_of_several_peers_do_not_mix(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            await context.ReplyAsync(context.Payload);
            await Task.Run(static () => { }).ConfigureAwait(false);
        });
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async peer =>
        {
            using RawDatagramClient client = server.Connect();
            for (int round = 0; round < 10; round++)
            {
                AssertSame(await SendTogetherAsync(client, (peer * 100) + round), await ReceiveAsync(client), cell.IsInOrder, "received");
            }
        }));
    });

    private static async Task<byte[][]> SendTogetherAsync(RawDatagramClient client, int seed)
    {
        byte[] all = Payload.Make(((Count - 1) * Segment) + Last, seed);
        client.Socket.SetRawSocketOption(Udp, UdpSegment, BitConverter.GetBytes(Segment));
        await client.SendAsync(all);
        return [.. all.Chunk(Segment)];
    }

    private static async Task<byte[][]> ReceiveAsync(RawDatagramClient client)
    {
        byte[][] received = new byte[Count][];
        for (int i = 0; i < Count; i++)
        {
            received[i] = await client.ReceiveAsync();
        }

        return received;
    }

    private static void AssertSame(byte[][] sent, byte[][] got, bool inOrder, string what)
    {
        Assert.Equal(Count, got.Length);
        string[] expected = [.. sent.Select(Convert.ToHexString)];
        string[] actual = [.. got.Select(Convert.ToHexString)];
        if (!inOrder)
        {
            Array.Sort(expected, StringComparer.Ordinal);
            Array.Sort(actual, StringComparer.Ordinal);
        }

        for (int i = 0; i < Count; i++)
        {
            Assert.True(expected[i] == actual[i], $"number {i} that was {what} is another one, of {actual[i].Length / 2} bytes");
        }
    }
}
