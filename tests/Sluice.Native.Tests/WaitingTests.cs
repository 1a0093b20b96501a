using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Native.Tests;

public sealed class WaitingTests
{
    [Fact]
    public void Structures_are_laid_out_as_the_kernel_has_them()
    {
        Assert.Equal(8, Unsafe.SizeOf<PollDescriptor>());
        Assert.Equal(4, (int)Marshal.OffsetOf<PollDescriptor>(nameof(PollDescriptor.Events)));
        Assert.Equal(6, (int)Marshal.OffsetOf<PollDescriptor>(nameof(PollDescriptor.Returned)));
        Assert.True(Unsafe.SizeOf<RawSocketAddress>() >= RawSocketAddress.Size);
        Assert.Equal(256, Unsafe.SizeOf<FileStatus>());
        Assert.Equal(28, (int)Marshal.OffsetOf<FileStatus>(nameof(FileStatus.Mode)));
        Assert.Equal(40, (int)Marshal.OffsetOf<FileStatus>(nameof(FileStatus.Size)));
    }

    [Fact]
    public void Poll_tells_which_of_several_is_ready()
    {
        using var quiet = new EventDescriptor();
        using var set = new EventDescriptor();
        set.Set();
        PollDescriptor[] polled =
        [
            new() { Descriptor = quiet.Number, Events = PollDescriptor.In },
            new() { Descriptor = -1, Events = PollDescriptor.In },
            new() { Descriptor = set.Number, Events = PollDescriptor.In },
        ];
        Assert.Equal(1, DescriptorPoll.Wait(polled, -1));
        Assert.Equal([0, 0, PollDescriptor.In], polled.Select(one => one.Returned));
    }

    [Fact]
    public void Poll_gives_up_at_its_timeout()
    {
        using var quiet = new EventDescriptor();
        var clock = Stopwatch.StartNew();
        Assert.Equal(0, DescriptorPoll.Wait([new() { Descriptor = quiet.Number, Events = PollDescriptor.In }], 100));
        Assert.InRange(clock.ElapsedMilliseconds, 80, 5000);
    }

    [Fact]
    public void Poll_sees_a_listener_with_a_connection()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        PollDescriptor[] polled = [new() { Descriptor = (int)listener.Server.Handle, Events = PollDescriptor.In }];
        Assert.Equal(0, DescriptorPoll.Wait(polled, 0));
        using var client = new TcpClient();
        client.Connect((System.Net.IPEndPoint)listener.LocalEndpoint);
        Assert.Equal(1, DescriptorPoll.Wait(polled, 10_000));
    }

    [Fact]
    public void An_event_stays_set_until_it_is_reset()
    {
        using var one = new EventDescriptor();
        Assert.False(IsSet(one));
        one.Set();
        one.Set();
        Assert.True(IsSet(one));
        Assert.True(IsSet(one));
        one.Reset();
        Assert.False(IsSet(one));
        one.Reset(); // does not wait
        one.Set();
        Assert.True(IsSet(one));
    }

    [Fact]
    public void A_disposed_event_may_still_be_set_and_writes_to_nobody()
    {
        var disposed = new EventDescriptor();
        int number = disposed.Number;
        disposed.Dispose();
        disposed.Dispose();
        using var next = new EventDescriptor();
        Assert.Equal(number, next.Number); // the kernel gives the lowest free number
        disposed.Set();
        Assert.False(IsSet(next));
    }

    [Fact]
    public void Epoll_tells_each_edge_with_its_token()
    {
        const ulong Token = 0xDEADBEEF_00000001;
        using var queue = new ReadinessQueue(8);
        using var pair = new SocketPair();
        Assert.Equal(NativeError.None, queue.Add(pair.Ours.Number, Token));
        Assert.Equal(Readiness.Write, Next(queue, Token));
        Assert.Equal(0, queue.Wait(0)); // an edge is told once

        pair.Peer.Send("x"u8);
        Assert.Equal(Readiness.Read, Next(queue, Token) & Readiness.Read);
        pair.Peer.Shutdown(SocketShutdown.Send);
        Readiness fin = Next(queue, Token);
        Assert.Equal(Readiness.Read | Readiness.PeerClosed, fin & ~Readiness.Write);
    }

    [Fact]
    public void Epoll_tells_of_a_reset_as_the_end()
    {
        using var queue = new ReadinessQueue(8);
        using var pair = new SocketPair();
        queue.Add(pair.Ours.Number, 1);
        Next(queue, 1);
        pair.Peer.LingerState = new LingerOption(enable: true, seconds: 0);
        pair.Peer.Close();
        Readiness over = Next(queue, 1);
        Assert.Equal(Readiness.Read | Readiness.Write | Readiness.Over, over & ~Readiness.PeerClosed);
    }

    [Fact]
    public void What_was_removed_is_heard_of_no_more()
    {
        using var queue = new ReadinessQueue(8);
        using var pair = new SocketPair();
        queue.Add(pair.Ours.Number, 1);
        queue.Remove(pair.Ours.Number);
        pair.Peer.Send("x"u8);
        Assert.Equal(0, queue.Wait(0));
        Assert.Equal(NativeError.None, queue.Add(pair.Ours.Number, 2));
        Assert.Equal(NativeError.Exists, queue.Add(pair.Ours.Number, 3));
        Assert.Equal(NativeError.BadDescriptor, queue.Add(-1, 4));
    }

    [Fact]
    public void Epoll_tells_levels_to_who_does_not_ask_for_edges()
    {
        using var queue = new ReadinessQueue(8);
        using var set = new EventDescriptor();
        Assert.Equal(NativeError.None, queue.Add(set.Number, 1, Watch.Read));
        Assert.Equal(0, queue.Wait(0));
        set.Set();
        Assert.Equal(Readiness.Read, Next(queue, 1));
        Assert.Equal(Readiness.Read, Next(queue, 1));
        Assert.Equal(NativeError.None, queue.Change(set.Number, 2, Watch.Read | Watch.Write));
        Assert.Equal(Readiness.Read | Readiness.Write, Next(queue, 2));
        queue.Change(set.Number, 3, Watch.None);
        Assert.Equal(0, queue.Wait(0));
        queue.Remove(set.Number);
        Assert.Equal(NativeError.NoEntry, queue.Change(set.Number, 4, Watch.Read));
    }

    [Fact]
    public void A_change_tells_the_present_state_again_also_as_an_edge()
    {
        using var queue = new ReadinessQueue(8);
        using var set = new EventDescriptor();
        set.Set();
        queue.Add(set.Number, 1, Watch.Read | Watch.Edges);
        Assert.Equal(Readiness.Read, Next(queue, 1));
        Assert.Equal(0, queue.Wait(0));
        queue.Change(set.Number, 1, Watch.Read | Watch.Write | Watch.Edges);
        Assert.Equal(Readiness.Read | Readiness.Write, Next(queue, 1));
        Assert.Equal(0, queue.Wait(0));
    }

    [Theory]
    [InlineData(0, Readiness.None)]
    [InlineData(PollDescriptor.In, Readiness.Read)]
    [InlineData(PollDescriptor.Out, Readiness.Write)]
    [InlineData(PollDescriptor.In | PollDescriptor.PeerClosed, Readiness.Read | Readiness.PeerClosed)]
    [InlineData(PollDescriptor.Error, Readiness.Read | Readiness.Write | Readiness.Over)]
    [InlineData(PollDescriptor.HangUp, Readiness.Read | Readiness.Write | Readiness.Over)]
    [InlineData(PollDescriptor.Invalid, Readiness.Read | Readiness.Write | Readiness.Over)]
    public void Poll_speaks_the_words_of_epoll(short returned, object meaning) => Assert.Equal(meaning, DescriptorPoll.Meaning(returned));

    [Fact]
    public void Many_edges_come_in_one_wait_each_with_its_own_token()
    {
        using var queue = new ReadinessQueue(16);
        SocketPair[] pairs = [.. Enumerable.Range(0, 5).Select(_ => new SocketPair())];
        for (int i = 0; i < pairs.Length; i++)
        {
            queue.Add(pairs[i].Ours.Number, (ulong)(i + 100));
        }

        int count = queue.Wait(0);
        var tokens = new List<ulong>();
        for (int i = 0; i < count; i++)
        {
            queue.Event(i, out ulong token);
            tokens.Add(token);
        }

        Assert.Equal(new ulong[] { 100, 101, 102, 103, 104 }, tokens.Order());
        Array.ForEach(pairs, pair => pair.Dispose());
    }

    [Fact]
    public void Waiting_objects_release_their_descriptors()
    {
        int before = SocketPair.OpenDescriptors;
        for (int i = 0; i < 100; i++)
        {
            using var queue = new ReadinessQueue(8);
            using var one = new EventDescriptor();
        }

        Assert.InRange(SocketPair.OpenDescriptors, 0, before + 10);
    }

    [Fact]
    public void The_limits_are_those_of_proc()
    {
        string soft = File.ReadLines("/proc/self/limits").First(line => line.StartsWith("Max open files", StringComparison.Ordinal))["Max open files".Length..]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        Assert.Equal(soft == "unlimited" ? int.MaxValue : Math.Min(long.Parse(soft, System.Globalization.CultureInfo.InvariantCulture), int.MaxValue), ResourceLimits.MaxDescriptors());
        Assert.InRange(ResourceLimits.OpenDescriptors(), 3, SocketPair.OpenDescriptors + 5);
    }

    private static bool IsSet(EventDescriptor descriptor) =>
        DescriptorPoll.Wait([new() { Descriptor = descriptor.Number, Events = PollDescriptor.In }], 0) == 1;

    private static Readiness Next(ReadinessQueue queue, ulong expected)
    {
        Assert.Equal(1, queue.Wait(10_000));
        Readiness readiness = queue.Event(0, out ulong token);
        Assert.Equal(expected, token);
        return readiness;
    }
}
