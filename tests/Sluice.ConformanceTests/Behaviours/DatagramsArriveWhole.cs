using System.Collections.Concurrent;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class DatagramsArriveWhole
{
    private static readonly int[] Sizes = [0, 1, 1_472, 8_192, 65_507];

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task Each_datagram_is_one_call_with_exactly_its_bytes(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var seen = new ConcurrentQueue<(byte[] Bytes, bool IsTruncated)>();
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            seen.Enqueue((context.Payload.ToArray(), context.IsTruncated));
            return context.ReplyAsync(context.Payload);
        });
        using RawDatagramClient client = server.Connect();
        var random = new Random(11);
        int[] sizes = [.. Sizes, .. Enumerable.Range(0, 10).Select(_ => random.Next(0, 20_000))];
        foreach (int size in sizes)
        {
            byte[] sent = Payload.Make(size, seed: size);
            await client.SendAsync(sent);
            byte[] received = await client.ReceiveAsync();
            Assert.True(Payload.Same(sent, received), $"{received.Length} bytes came back for {size}");
            Assert.True(seen.TryDequeue(out (byte[] Bytes, bool IsTruncated) call));
            Assert.True(Payload.Same(sent, call.Bytes) && !call.IsTruncated, $"the handler saw {call.Bytes.Length} bytes of {size}");
            Assert.Empty(seen);
        }

        Assert.Empty(server.Failed);
        Assert.Empty(server.NotSent);
        await Eventually.Until(() => server.Server.Datagrams is { Received: var received, Sent: var answered } && received == sizes.Length && answered == sizes.Length, "all are counted");
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task Many_at_once_from_many_peers_are_answered_each_with_its_own_bytes(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        const int Peers = 8;
        const int Each = 12; // as many as the kernel has room for
        await using DatagramServer server = await cell.StartEchoAsync();
        await Task.WhenAll(Enumerable.Range(0, Peers).Select(async peer =>
        {
            using RawDatagramClient client = server.Connect();
            byte[][] sent = [.. Enumerable.Range(0, Each).Select(number => Payload.Make((number * 29) + peer, seed: (peer * 1000) + number))];
            Task sending = Task.Run(async () =>
            {
                foreach (byte[] datagram in sent)
                {
                    await client.SendAsync(datagram);
                }
            });
            var received = new List<byte[]>();
            while (received.Count < Each)
            {
                received.Add(await client.ReceiveAsync());
            }

            await sending;
            if (!cell.IsInOrder)
            {
                received.Sort(static (one, other) => one.Length - other.Length);
            }

            for (int i = 0; i < Each; i++)
            {
                Assert.True(Payload.Same(sent[i], received[i]), $"number {i} of peer {peer} came back as {received[i].Length} bytes instead of {sent[i].Length}");
            }
        }));
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task A_datagram_that_is_longer_than_the_maximum_is_cut_and_says_so(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var seen = new ConcurrentQueue<(byte[] Bytes, bool IsTruncated)>();
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            seen.Enqueue((context.Payload.ToArray(), context.IsTruncated));
            return context.ReplyAsync(context.Payload);
        }, options => options.Datagrams.MaxSize = 100);
        using RawDatagramClient client = server.Connect();
        foreach ((int size, bool cut) in new[] { (5_000, true), (100, false), (101, true), (0, false), (99, false) })
        {
            byte[] sent = Payload.Make(size, seed: size);
            await client.SendAsync(sent);
            Assert.Equal(sent[..Math.Min(size, 100)], await client.ReceiveAsync());
            Assert.True(seen.TryDequeue(out (byte[] Bytes, bool IsTruncated) call));
            Assert.Equal(sent[..Math.Min(size, 100)], call.Bytes);
            Assert.Equal(cut, call.IsTruncated);
        }

        await Eventually.Until(() => server.Server.Datagrams.Truncated == 2, "both that were cut are counted");
    });
}
