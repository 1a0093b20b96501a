using System.Net.Sockets;

namespace Sluice.Native.Tests;

public sealed class RingPressureTests
{
    private const ulong Receiving = 1;

    [Fact]
    public void Without_buffers_a_receive_ends_and_a_new_one_brings_the_rest_in_order()
    {
        using IoUring ring = RingTests.Open(new RingShape(64, 256, 16, 4096));
        using var pair = new SocketPair();
        byte[] sent = new byte[40 * 4096];
        Random.Shared.NextBytes(sent);
        pair.Peer.Send(sent);
        ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
        var lent = new List<RingCompletion>();
        var got = new List<byte>();
        int starved = 0;
        while (got.Count + lent.Sum(one => one.Count) < sent.Length)
        {
            RingCompletion received = ring.Next(Receiving);
            if (received.Succeeded)
            {
                Assert.True(received.HasBuffer);
                lent.Add(received);
            }

            if (!received.HasMore)
            {
                Assert.True(received.Succeeded || received.Error == NativeError.NoBufferSpace, received.ToString());
                starved += received.Error == NativeError.NoBufferSpace ? 1 : 0;
                lent.ForEach(one => got.AddRange(ring.Bytes(one)));
                lent.Clear();
                ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
            }
        }

        lent.ForEach(one => got.AddRange(ring.Bytes(one)));
        Assert.True(starved > 0);
        Assert.Equal(sent, got);
        Assert.Equal(0, ring.Buffers.Lent);
        Assert.Equal(16, ring.Buffers.Offered);
    }

    [Fact]
    public void Few_buffers_are_offered_and_twice_as_many_each_time_that_was_too_few()
    {
        using IoUring ring = RingTests.Open(new RingShape(64, 256, 512, 64));
        var offered = new List<int> { ring.Buffers.Offered };
        for (int i = 0; i < 4; i++)
        {
            ring.Buffers.Grow();
            Assert.True(ring.Buffers.FillUp());
            offered.Add(ring.Buffers.Offered);
        }

        Assert.Equal([128, 256, 512, 512, 512], offered);

        using var pair = new SocketPair();
        ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
        for (int i = 0; i < 2000; i++) // the kernel has gone through all of them, several times
        {
            pair.Peer.Send(BitConverter.GetBytes(i));
            Assert.Equal(BitConverter.GetBytes(i), ring.Bytes(ring.Next(Receiving)));
        }

        Assert.Equal((0, 512), (ring.Buffers.Lent, ring.Buffers.Offered));
    }

    [Fact]
    public void Who_keeps_buffers_is_replaced_and_starves_nobody()
    {
        using IoUring ring = RingTests.Open(new RingShape(64, 256, 16, 64));
        using var pair = new SocketPair();
        ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
        var kept = new List<RingCompletion>();
        for (int i = 0; i < 1000; i++)
        {
            pair.Peer.Send(BitConverter.GetBytes(i));
            RingCompletion received = ring.Next(Receiving);
            Assert.True(received is { Succeeded: true, HasMore: true, Count: 4 });
            kept.Add(received);
            Assert.True(ring.Buffers.Replace());
        }

        Assert.Equal(1000, ring.Buffers.Lent);
        Assert.Equal(1000, kept.Select(one => one.BufferId).Distinct().Count());
        Assert.Equal(Enumerable.Range(0, 1000), kept.Select(one => BitConverter.ToInt32(ring.Bytes(one))));
        Assert.Equal((0, 16), (ring.Buffers.Lent, ring.Buffers.Offered));
        Assert.True(ring.Buffers.Replace()); // nothing to replace
        Assert.Equal(16, ring.Buffers.Offered);
    }

    [Fact]
    public void When_every_id_is_lent_there_is_no_replacement()
    {
        using IoUring ring = RingTests.Open(new RingShape(64, 256, 16, 64));
        using var pair = new SocketPair();
        for (int lent = 0; lent < (1 << 16) - 16; lent++)
        {
            ring.Buffers.Take(); // as if a completion had brought one
            Assert.True(ring.Buffers.Replace());
        }

        Assert.Equal(1 << 16, ring.Buffers.Count);
        ring.Buffers.Take();
        Assert.False(ring.Buffers.Replace());
        Assert.False(ring.Buffers.FillUp());
        Assert.Equal((1 << 16) - 15, ring.Buffers.Lent);
        ring.Buffers.Return(0);
        Assert.Equal(16, ring.Buffers.Offered);
        Assert.True(ring.Buffers.FillUp());
    }

    [Fact]
    public void An_overflowing_completion_queue_loses_nothing_and_ends_the_multishots_that_met_it()
    {
        const int Connections = 50;
        const int Rounds = 20;
        using IoUring ring = RingTests.Open(new RingShape(64, 64, 512, 64));
        Assert.Equal(64, ring.CompletionCapacity);
        SocketPair[] pairs = [.. Enumerable.Range(0, Connections).Select(_ => new SocketPair(unix: true))];
        var got = new List<byte>[Connections];
        for (int i = 0; i < Connections; i++)
        {
            got[i] = [];
            ring.ReceiveMultishot(pairs[i].Ours.Number, (ulong)i, pollFirst: true);
        }

        ring.Enter(0, 0);
        byte[] message = new byte[10];
        int ended = 0, overflows = 0;
        for (int round = 0; round < Rounds; round++)
        {
            for (int i = 0; i < Connections; i++)
            {
                // Four buffers each: 200 completions for a queue of 64.
                Array.Fill(message, (byte)round);
                pairs[i].Peer.Send([.. message, .. new byte[190]]);
            }

            while (got.Any(bytes => bytes.Count < (round + 1) * 200))
            {
                Assert.Equal(NativeError.None, ring.Enter(1, 10_000));
                overflows += ring.Overflowed ? 1 : 0;
                while (ring.TryTake(out RingCompletion received))
                {
                    int i = (int)received.Token;
                    Assert.True(received.Succeeded, received.ToString());
                    ring.Buffers.Take();
                    got[i].AddRange(ring.Bytes(received));
                    if (!received.HasMore)
                    {
                        ended++;
                        ring.ReceiveMultishot(pairs[i].Ours.Number, received.Token, pollFirst: true);
                    }
                }
            }
        }

        Assert.True(overflows > 0, "the queue never overflowed");
        Assert.True(ended > 0, "no multishot met the full queue");
        byte[] expected = [.. Enumerable.Range(0, Rounds).SelectMany(round => Enumerable.Repeat((byte)round, 10).Concat(new byte[190]))];
        Assert.All(got, bytes => Assert.Equal(expected, bytes));
        Assert.Equal(0, ring.Buffers.Lent);
        Array.ForEach(pairs, pair => pair.Ours.Shutdown(SocketShutdown.Both));
        for (int left = Connections; left > 0;)
        {
            Assert.Equal(NativeError.None, ring.Enter(1, 10_000));
            while (ring.TryTake(out RingCompletion end))
            {
                left--;
                Assert.Equal((true, 0, false), (end.Succeeded, end.Count, end.HasMore));
            }
        }

        Array.ForEach(pairs, pair => pair.Dispose());
    }
}
