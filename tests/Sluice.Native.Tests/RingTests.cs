using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Native.Tests;

public sealed class RingTests
{
    private const ulong Receiving = 0xDEADBEEF_00000001;
    private const ulong Sending = 2;
    private const ulong Other = 3;
    private static readonly RingShape Small = new(64, 256, 16, 4096);

    [Fact]
    public void Ring_structures_are_laid_out_as_the_kernel_has_them()
    {
        Assert.Equal(64, Unsafe.SizeOf<SubmissionEntry>());
        Assert.Equal(16, Unsafe.SizeOf<RingCompletion>());
        Assert.Equal(120, Unsafe.SizeOf<RingParameters>());
        Assert.Equal(40, (int)Marshal.OffsetOf<RingParameters>(nameof(RingParameters.Submission)));
        Assert.Equal(80, (int)Marshal.OffsetOf<RingParameters>(nameof(RingParameters.Completion)));
        Assert.Equal(16, Unsafe.SizeOf<BufferEntry>());
        Assert.Equal(14, (int)Marshal.OffsetOf<BufferEntry>(nameof(BufferEntry.Tail)));
        Assert.Equal(40, Unsafe.SizeOf<BufferRegistration>());
        Assert.Equal(WaitArgument.Size, (int)Marshal.OffsetOf<WaitArgument>(nameof(WaitArgument.Seconds)));
        Assert.Equal(16, Unsafe.SizeOf<DescriptorUpdate>());
        Assert.Equal(64, Unsafe.SizeOf<SyncCancel>());
    }

    [Fact]
    public void One_accept_of_a_listener_that_does_not_block_waits_all_the_same()
    {
        using IoUring ring = Open(Small);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        listener.Server.Blocking = false;
        ring.AcceptOnce((int)listener.Server.Handle, Other);
        ring.Enter(1, 50);
        Assert.False(ring.TryTake(out _));
        using var client = new TcpClient();
        client.Connect((IPEndPoint)listener.LocalEndpoint);
        RingCompletion accepted = ring.Next(Other);
        Assert.True(accepted is { Succeeded: true, HasMore: false });
        StreamDescriptor.Adopt(accepted.Count).Close();

        ring.AcceptMultishot((int)listener.Server.Handle, Sending);
        ring.Enter(1, 50);
        Assert.False(ring.TryTake(out _));
        listener.Server.Shutdown(SocketShutdown.Receive); // by which a server stops listening
        Assert.Equal(NativeError.InvalidArgument, ring.Next(Sending).Error);
    }

    [Fact]
    public void A_hang_up_is_told_when_both_directions_have_ended_and_not_when_one_has()
    {
        using IoUring ring = Open(Small);
        using var pair = new SocketPair();
        ring.PollHangUp(pair.Ours.Number, Other);
        pair.Peer.Send("x"u8);
        ring.Enter(1, 50);
        Assert.False(ring.TryTake(out _));
        pair.Peer.Shutdown(SocketShutdown.Send);
        Assert.False(ring.Next(Other).IsHangUp);
        ring.Enter(1, 50);
        Assert.False(ring.TryTake(out _));
        pair.Ours.Shutdown(SocketShutdown.Both);
        Assert.True(ring.Next(Other).IsHangUp);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void One_receive_brings_message_after_message_in_buffers_and_then_the_end(bool unix)
    {
        using IoUring ring = Open(Small);
        using var pair = new SocketPair(unix);
        ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
        Assert.Equal(NativeError.None, ring.Enter(0, 0));
        foreach (string message in (string[])["one", "two", "three"])
        {
            pair.Peer.Send(System.Text.Encoding.ASCII.GetBytes(message));
            RingCompletion received = ring.Next(Receiving);
            Assert.True(received.HasMore);
            Assert.Equal(message, System.Text.Encoding.ASCII.GetString(ring.Bytes(received)));
        }

        pair.Peer.Shutdown(SocketShutdown.Send);
        RingCompletion end = ring.Next(Receiving);
        Assert.Equal((true, 0, false, false), (end.Succeeded, end.Count, end.HasMore, end.HasBuffer));
        Assert.Equal(0, ring.Buffers.Lent);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public void An_end_close_behind_bytes_is_told_by_the_poll_if_not_by_the_receive(bool unix, bool reset)
    {
        using IoUring ring = Open(Small);
        for (ulong round = 1; round <= 50; round++)
        {
            using var pair = new SocketPair(unix);
            ring.ReceiveMultishot(pair.Ours.Number, round, pollFirst: true);
            ring.PollEnd(pair.Ours.Number, Other + 1000);
            if (round % 2 == 0)
            {
                ring.Enter(0, 0); // else everything is there before the kernel hears of the receive
            }

            pair.Peer.Send(new byte[123]);
            pair.Peer.LingerState = new LingerOption(enable: reset, seconds: 0);
            pair.Peer.Close();
            ring.Next(Other + 1000);
            ring.Cancel(round, Other);
            ring.Next(Other);
            RingCompletion last;
            do
            {
                ring.ReceiveOnce(pair.Ours.Number, round + 10_000);
                last = ring.Next(round + 10_000);
                _ = last.HasBuffer ? ring.Bytes(last) : null;
            }
            while (last is { Succeeded: true, Count: > 0 });
            Assert.True(last.Error == NativeError.ConnectionReset || last is { Succeeded: true, Count: 0 }, last.ToString());
        }
    }

    [Fact]
    public void Our_own_shutdown_completes_a_receive_as_an_end()
    {
        using IoUring ring = Open(Small);
        using var pair = new SocketPair();
        ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
        ring.Enter(0, 0);
        pair.Ours.Shutdown(SocketShutdown.Both);
        RingCompletion end = ring.Next(Receiving);
        Assert.Equal((true, 0, false), (end.Succeeded, end.Count, end.HasMore));
    }

    [Fact]
    public void A_reset_completes_a_receive_as_one()
    {
        using IoUring ring = Open(Small);
        using var pair = new SocketPair();
        ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
        ring.Enter(0, 0);
        pair.Peer.LingerState = new LingerOption(enable: true, seconds: 0);
        pair.Peer.Close();
        RingCompletion end = ring.Next(Receiving);
        Assert.Equal((NativeError.ConnectionReset, false), (end.Error, end.HasMore));
    }

    [Fact]
    public void A_canceled_receive_says_so_and_so_does_the_cancel()
    {
        using IoUring ring = Open(Small);
        using var pair = new SocketPair();
        ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
        ring.Cancel(Receiving, Other);
        Assert.Equal([(Receiving, NativeError.Canceled), (Other, NativeError.None)], ring.Both());
        ring.Cancel(Receiving, Other);
        Assert.Equal(NativeError.NoEntry, ring.Next(Other).Error);

        ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
        ring.CancelDescriptor(pair.Ours.Number, Other);
        Assert.Equal([(Receiving, NativeError.Canceled), (Other, NativeError.None)], ring.Both());
    }

    [Fact]
    public void One_accept_brings_connection_after_connection_none_of_which_a_child_inherits()
    {
        using IoUring ring = Open(Small);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        ring.AcceptMultishot((int)listener.Server.Handle, Other);
        for (int i = 0; i < 3; i++)
        {
            using var client = new TcpClient();
            client.Connect((IPEndPoint)listener.LocalEndpoint);
            RingCompletion accepted = ring.Next(Other);
            Assert.True(accepted is { Succeeded: true, HasMore: true });
            string flags = File.ReadLines($"/proc/self/fdinfo/{accepted.Count}").First(line => line.StartsWith("flags:", StringComparison.Ordinal));
            Assert.EndsWith("02000002", flags, StringComparison.Ordinal); // O_CLOEXEC | O_RDWR and not O_NONBLOCK
            var descriptor = StreamDescriptor.Adopt(accepted.Count);
            Assert.Equal(((IPEndPoint)client.Client.LocalEndPoint!).Port, Assert.IsType<IPEndPoint>(descriptor.Peer).Port);
            descriptor.Close();
        }

        ring.Cancel(Other, Sending);
        Assert.Equal(NativeError.Canceled, ring.Next(Other).Error);
    }

    [Fact]
    public void A_wait_ends_at_its_timeout_or_at_once()
    {
        using IoUring ring = Open(Small);
        var clock = Stopwatch.StartNew();
        Assert.Equal(NativeError.None, ring.Enter(1, 0));
        Assert.InRange(clock.ElapsedMilliseconds, 0, 90);
        clock.Restart();
        Assert.Equal(NativeError.None, ring.Enter(1, 100));
        Assert.InRange(clock.ElapsedMilliseconds, 95, 5000);
        Assert.False(ring.TryTake(out _));
    }

    [Fact]
    public void Each_signal_of_an_event_is_told_though_nobody_reads_it()
    {
        using IoUring ring = Open(Small);
        using var wake = new EventDescriptor();
        ring.PollMultishot(wake.Number, Other);
        ring.Enter(0, 0);
        Assert.False(ring.TryTake(out _));
        for (int i = 0; i < 3; i++)
        {
            wake.Set();
            Assert.True(ring.Next(Other) is { Succeeded: true, HasMore: true });
        }
    }

    [Fact]
    public void A_ring_that_is_gone_has_let_go_of_socket_and_buffers()
    {
        int before = SocketPair.OpenDescriptors;
        using (var pair = new SocketPair())
        {
            IoUring ring = Open(Small);
            ring.ReceiveMultishot(pair.Ours.Number, Receiving, pollFirst: true);
            ring.Enter(0, 0);
            ring.Dispose();
            ring.Dispose();
            pair.Peer.Send("late"u8);
            Span<byte> buffer = stackalloc byte[8];
            Assert.Equal(4, pair.Ours.Receive(buffer, wait: true).Count); // no receive of the ring took it
        }

        Assert.InRange(SocketPair.OpenDescriptors, 0, before + 5);
    }

    [Fact]
    public void An_exchange_allocates_nothing()
    {
        using IoUring ring = Open(Small);
        using var ours = new SocketPair();
        byte[] bytes = GC.AllocateArray<byte>(64, pinned: true);
        byte[] peer = new byte[64];
        ring.ReceiveMultishot(ours.Ours.Number, Receiving, pollFirst: true);
        long before = 0;
        for (int i = 0; i < 300; i++)
        {
            if (i == 100)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            ours.Peer.Send(bytes.AsSpan());
            RingCompletion received = ring.Next(Receiving);
            ring.Send(ours.Ours.Number, ring.Buffers.ArrayOf(received.BufferId), ring.Buffers.OffsetOf(received.BufferId), received.Count, Sending);
            ring.Next(Sending);
            ring.Buffers.Return(received.BufferId);
            ours.Peer.Receive(peer.AsSpan());
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200);
    }

    internal static IoUring Open(RingShape shape)
    {
        IoUring? ring = IoUring.Open([shape], out NativeError error);
        Assert.Equal(NativeError.None, error);
        ring!.Start();
        return ring;
    }
}

internal static class Rings
{
    /// <summary>The next completion of an operation; those of others are dropped. A buffer that comes with it is taken.</summary>
    public static RingCompletion Next(this IoUring ring, ulong token)
    {
        for (int tries = 0; tries < 100; tries++)
        {
            while (ring.TryTake(out RingCompletion completion))
            {
                if (completion.HasBuffer)
                {
                    ring.Buffers.Take();
                }

                if (completion.Token == token)
                {
                    return completion;
                }

                if (completion.HasBuffer)
                {
                    ring.Buffers.Return(completion.BufferId);
                }
            }

            if (ring.Enter(1, 1000) is var error && error != NativeError.None)
            {
                throw new InvalidOperationException(error.ToString());
            }
        }

        throw new TimeoutException($"{token:x} did not complete");
    }

    /// <summary>The last completions of two operations, in no certain order.</summary>
    public static IEnumerable<(ulong Token, NativeError Error)> Both(this IoUring ring)
    {
        var both = new List<(ulong Token, NativeError Error)>();
        while (both.Count < 2 && ring.Enter(1, 10_000) == NativeError.None)
        {
            while (ring.TryTake(out RingCompletion completion))
            {
                both.Add((completion.Token, completion.Error));
            }
        }

        return both.OrderByDescending(one => one.Token);
    }

    /// <summary>What a receive brought; its buffer is returned.</summary>
    public static byte[] Bytes(this IoUring ring, RingCompletion received)
    {
        byte[] copy = ring.Buffers.ArrayOf(received.BufferId).AsSpan(ring.Buffers.OffsetOf(received.BufferId), received.Count).ToArray();
        ring.Buffers.Return(received.BufferId);
        return copy;
    }
}
