using System.Net.Sockets;

namespace Sluice.Native.Tests;

public sealed class RingSendTests
{
    private const ulong Sending = 2;
    private const ulong First = 3;
    private const ulong Second = 4;
    private static readonly RingShape Small = new(64, 256, 16, 4096);

    [Fact]
    public void A_send_goes_on_where_the_last_one_ended()
    {
        using IoUring ring = RingTests.Open(Small);
        using var pair = new SocketPair();
        byte[] sent = GC.AllocateArray<byte>(4_000_000, pinned: true);
        Random.Shared.NextBytes(sent);
        byte[] got = new byte[sent.Length - 7];
        var reading = new Thread(() =>
        {
            for (int at = 0; at < got.Length;)
            {
                at += pair.Peer.Receive(got, at, got.Length - at, SocketFlags.None);
            }
        });
        reading.Start();
        for (int at = 7; at < sent.Length;)
        {
            ring.Send(pair.Ours.Number, sent, at, sent.Length - at, Sending);
            at += ring.Next(Sending).Count;
        }

        Assert.True(reading.Join(10_000));
        Assert.True(sent.AsSpan(7).SequenceEqual(got));
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.Send(pair.Ours.Number, sent, 8, sent.Length - 7, Sending));
        Assert.Throws<ArgumentOutOfRangeException>(() => ring.Send(pair.Ours.Number, sent, -1, 4, Sending));
    }

    [Fact]
    public void A_send_that_may_not_wait_says_at_once_how_much_went()
    {
        using IoUring ring = RingTests.Open(Small);
        using var pair = new SocketPair();
        byte[] sent = GC.AllocateArray<byte>(64 * 1024, pinned: true);
        int count = 0;
        RingCompletion completion;
        do
        {
            ring.SendNow(pair.Ours.Number, sent, 0, sent.Length, Sending);
            Assert.Equal(NativeError.None, ring.Enter(0, 0));
            Assert.True(ring.IsAllSubmitted);
            Assert.True(ring.TryTake(out completion));
            count += sent.Length;
        }
        while (completion.Count == sent.Length);
        Assert.Equal((Sending, false), (completion.Token, completion.HasMore));
        Assert.True(completion.Succeeded ? completion.Count < sent.Length : completion.Error == NativeError.WouldBlock);
        count -= completion.Succeeded ? sent.Length - completion.Count : sent.Length;
        ring.SendNow(pair.Ours.Number, sent, 0, sent.Length, Sending);
        Assert.Equal(NativeError.WouldBlock, ring.Next(Sending).Error);

        byte[] got = new byte[64 * 1024];
        int all = 0;
        while (all < count)
        {
            all += pair.Peer.Receive(got);
        }

        Assert.Equal((count, 0), (all, pair.Peer.Available)); // no byte twice
        pair.Peer.LingerState = new LingerOption(enable: true, seconds: 0);
        pair.Peer.Close();
        ring.SendNow(pair.Ours.Number, sent, 0, 1, Sending);
        Assert.Equal(NativeError.ConnectionReset, ring.Next(Sending).Error);
    }

    [Fact]
    public void A_send_grows_until_it_is_submitted()
    {
        using IoUring ring = RingTests.Open(Small);
        using var pair = new SocketPair();
        byte[] sent = GC.AllocateArray<byte>(10, pinned: true);
        "0123456789"u8.CopyTo(sent);
        uint first = ring.SendNow(pair.Ours.Number, sent, 0, 2, Sending);
        Assert.True(ring.TryExtend(first, 3, First));
        uint second = ring.SendNow(pair.Ours.Number, sent, 5, 1, Sending);
        Assert.True(ring.TryExtend(second, 4, Second));
        ring.Enter(0, 0);
        Assert.False(ring.TryExtend(first, 1, First));
        Assert.False(ring.TryExtend(second, 1, Second));
        Assert.True(ring.TryTake(out RingCompletion completion));
        Assert.Equal((First, 5), (completion.Token, completion.Count));
        Assert.True(ring.TryTake(out completion));
        Assert.Equal((Second, 5), (completion.Token, completion.Count));
        byte[] got = new byte[20];
        Assert.Equal(10, pair.Peer.Receive(got));
        Assert.Equal(sent, got[..10]);
    }

    [Fact]
    public void A_wait_does_not_end_with_the_sends_that_it_submits()
    {
        using IoUring ring = RingTests.Open(Small);
        using var pair = new SocketPair();
        byte[] sent = GC.AllocateArray<byte>(2, pinned: true);
        ring.SendNow(pair.Ours.Number, sent, 0, 1, First);
        ring.SendNow(pair.Ours.Number, sent, 1, 1, Second);
        ring.PollOnce(pair.Ours.Number, Sending);
        var answering = new Thread(() =>
        {
            pair.Peer.Receive(new byte[2], 0, 2, SocketFlags.None);
            pair.Peer.Send(sent);
        });
        answering.Start();
        Assert.Equal(NativeError.None, ring.Enter(1, 10_000));
        var completed = new List<ulong>();
        while (ring.TryTake(out RingCompletion completion))
        {
            completed.Add(completion.Token);
        }

        Assert.Equal([First, Second, Sending], completed);
        Assert.True(answering.Join(10_000));
    }

    [Fact]
    public void A_send_to_a_peer_that_left_is_an_error_and_no_signal()
    {
        using IoUring ring = RingTests.Open(Small);
        using var pair = new SocketPair(unix: true);
        pair.Peer.Close();
        ring.Send(pair.Ours.Number, GC.AllocateArray<byte>(10, pinned: true), 0, 10, Sending);
        Assert.Equal(NativeError.BrokenPipe, ring.Next(Sending).Error);
    }

    [Fact]
    public void More_operations_than_the_queue_holds_are_all_done()
    {
        using IoUring ring = RingTests.Open(new RingShape(8, 64, 16, 4096));
        const ulong Count = 5000;
        ulong sum = 0;
        for (ulong i = 1; i <= Count; i++)
        {
            ring.Complete(i);
        }

        for (ulong left = Count; left > 0;)
        {
            Assert.Equal(NativeError.None, ring.Enter(1, 10_000));
            while (ring.TryTake(out RingCompletion done))
            {
                left--;
                Assert.True(done.Succeeded);
                sum += done.Token;
            }
        }

        Assert.Equal(Count * (Count + 1) / 2, sum);
    }
}
