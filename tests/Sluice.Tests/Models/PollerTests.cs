using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using Sluice.Models.Readiness;
using Sluice.Native;
using Sluice.Tests.Support;

namespace Sluice.Tests.Models;

/// <summary>Alone: a number that is closed here must not become another test's at once.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class DescriptorNumbers;

[Collection<DescriptorNumbers>]
public sealed class PollerTests
{
    internal const ulong Token = 0xDEADBEEF_00000007;
    private const int Soon = 10_000;

    public static TheoryData<string> Kinds => ["select", "poll", "epoll"];

    [Theory, MemberData(nameof(Kinds))]
    public void Bytes_are_told_with_the_token_until_they_are_read_or_once(string kind)
    {
        using Poller poller = Create(kind);
        using var pair = new KernelPair();
        Assert.True(poller.TryAdd(pair.Number, Token, level: false));
        Assert.Equal(0, poller.Wait(0));
        pair.Peer.Send("x"u8);
        Assert.Equal(Readiness.Read, Next(poller));
        Assert.Equal(poller.IsEdgeTriggered ? 0 : 1, poller.Wait(0));
        pair.Ours.Receive(new byte[8]);
        Assert.Equal(0, poller.Wait(0));
        pair.Peer.Send("y"u8);
        Assert.Equal(Readiness.Read, Next(poller));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_listener_is_told_until_its_queue_is_empty_in_all(string kind)
    {
        using Poller poller = Create(kind);
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        Assert.True(poller.TryAdd((int)listener.Server.Handle, Token, level: true));
        using var client = new TcpClient();
        client.Connect((System.Net.IPEndPoint)listener.LocalEndpoint);
        Assert.Equal(Readiness.Read, Next(poller));
        Assert.Equal(Readiness.Read, Next(poller));
        listener.AcceptSocket().Dispose();
        Assert.Equal(0, poller.Wait(0));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_paused_descriptor_is_not_told_of_before_it_is_resumed(string kind)
    {
        using Poller poller = Create(kind);
        using var set = new EventDescriptor();
        poller.TryAdd(set.Number, Token, level: true);
        set.Set();
        Assert.Equal(Readiness.Read, Next(poller));
        poller.WantRead(set.Number, Token, wanted: false);
        Assert.Equal(0, poller.Wait(0));
        set.Set();
        Assert.Equal(0, poller.Wait(0));
        Assert.Equal(1, poller.Watched);
        poller.WantRead(set.Number, Token, wanted: true);
        Assert.Equal(Readiness.Read, Next(poller));
        Assert.Equal(Readiness.Read, Next(poller));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Pausing_a_connection_silences_who_tells_levels_only(string kind)
    {
        using Poller poller = Create(kind);
        using var set = new EventDescriptor();
        poller.TryAdd(set.Number, Token, level: false);
        poller.WantRead(set.Number, Token, wanted: false);
        set.Set();
        Assert.Equal(poller.IsEdgeTriggered ? 1 : 0, poller.Wait(0));
        poller.WantRead(set.Number, Token, wanted: true);
        Assert.Equal(poller.IsEdgeTriggered ? 0 : 1, poller.Wait(0));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Room_to_write_is_told_to_who_wants_it(string kind)
    {
        using Poller poller = Create(kind);
        using var pair = new KernelPair();
        poller.TryAdd(pair.Number, Token, level: false);
        int sent = pair.Fill();
        poller.WantWrite(pair.Number, Token, wanted: true);
        Assert.Equal(0, poller.Wait(0));
        pair.Drain(sent);
        Assert.Equal(Readiness.Write, Next(poller));
        poller.WantWrite(pair.Number, Token, wanted: false);
        Assert.Equal(0, poller.Wait(0));
        poller.WantWrite(pair.Number, Token, wanted: true);
        Assert.Equal(Readiness.Write, Next(poller)); // the present state, also to who hears edges
        pair.Peer.Send("x"u8);
        Assert.Equal(Readiness.Read | Readiness.Write, Next(poller));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void What_was_removed_is_heard_of_no_more_and_may_come_back(string kind)
    {
        using Poller poller = Create(kind);
        using var set = new EventDescriptor();
        poller.TryAdd(set.Number, Token + 1, level: false);
        Assert.False(poller.TryAdd(set.Number, Token + 2, level: false));
        set.Set();
        poller.Remove(set.Number, closing: false);
        poller.Remove(set.Number, closing: false);
        poller.WantRead(set.Number, Token + 1, wanted: true);
        poller.WantWrite(set.Number, Token + 1, wanted: true);
        Assert.Equal(0, poller.Watched);
        Assert.Equal(0, poller.Wait(0));
        Assert.True(poller.TryAdd(set.Number, Token, level: false));
        Assert.Equal(Readiness.Read, Next(poller));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_number_that_was_closed_may_be_anothers(string kind)
    {
        using Poller poller = Create(kind);
        using var other = new EventDescriptor();
        var closed = new EventDescriptor();
        poller.TryAdd(other.Number, Token + 1, level: false);
        poller.TryAdd(closed.Number, Token + 2, level: false);
        poller.Remove(closed.Number, closing: true);
        closed.Dispose();
        using var next = new EventDescriptor();
        poller.TryAdd(next.Number, Token, level: false);
        next.Set();
        Assert.Equal(Readiness.Read, Next(poller));
        Assert.Equal(2, poller.Watched);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Descriptors_above_1024_are_watched_like_others(string kind)
    {
        using Poller poller = Create(kind);
        var below = new List<SafeFileHandle>();
        while (below.Count == 0 || (int)below[^1].DangerousGetHandle() < 1100)
        {
            below.Add(File.OpenHandle("/dev/null"));
        }

        using var pair = new KernelPair();
        using var low = new EventDescriptor();
        Assert.True(pair.Number > 1100);
        poller.TryAdd(pair.Number, Token, level: false);
        pair.Peer.Send("x"u8);
        Assert.Equal(Readiness.Read, Next(poller));
        poller.WantWrite(pair.Number, Token, wanted: true);
        Assert.Equal(Readiness.Read | Readiness.Write, Next(poller));
        poller.Remove(pair.Number, closing: true);
        Assert.Equal(0, poller.IsEdgeTriggered ? 0 : poller.Wait(0));
        below.ForEach(one => one.Dispose());
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Two_thousand_are_told_each_once_with_its_own_token(string kind)
    {
        using Poller poller = Create(kind);
        EventDescriptor[] all = [.. Enumerable.Range(0, 2000).Select(_ => new EventDescriptor())];
        for (int i = 0; i < all.Length; i++)
        {
            Assert.True(poller.TryAdd(all[i].Number, (ulong)i, level: false));
            all[i].Set();
        }

        Assert.Equal(2000, poller.Watched);
        var tokens = new List<ulong>();
        while (tokens.Count < all.Length)
        {
            int count = poller.Wait(0);
            Assert.Equal(kind == "epoll" ? Math.Min(512, 2000 - tokens.Count) : 2000, count);
            for (int i = 0; i < count; i++)
            {
                Assert.Equal(Readiness.Read, poller.Event(i, out ulong token));
                tokens.Add(token);
            }
        }

        Assert.Equal(Enumerable.Range(0, 2000).Select(i => (ulong)i), tokens.Order());
        Array.ForEach(all, one => one.Dispose());
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Adding_and_removing_while_events_are_handled_disturbs_none(string kind)
    {
        using Poller poller = Create(kind);
        EventDescriptor[] all = [.. Enumerable.Range(0, 200).Select(_ => new EventDescriptor())];
        for (int i = 0; i < 100; i++)
        {
            poller.TryAdd(all[i].Number, (ulong)i, level: false);
            all[i].Set();
        }

        Assert.Equal(100, poller.Wait(0));
        var tokens = new List<ulong>();
        for (int i = 0; i < 100; i++)
        {
            poller.Event(i, out ulong token);
            tokens.Add(token);
            poller.Remove(all[i].Number, closing: false);
            poller.TryAdd(all[100 + i].Number, Token, level: false);
            poller.TryAdd(all[i].Number, Token, level: false);
        }

        Assert.Equal(Enumerable.Range(0, 100).Select(i => (ulong)i), tokens.Order());
        Assert.Equal(200, poller.Watched);
        Array.ForEach(all, one => one.Dispose());
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_wait_allocates_nothing(string kind)
    {
        using Poller poller = Create(kind);
        EventDescriptor[] all = [.. Enumerable.Range(0, 100).Select(_ => new EventDescriptor())];
        Array.ForEach(all, one => poller.TryAdd(one.Number, Token, level: true));
        Array.ForEach(all, one => one.Set());
        Turn(poller, all);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Turn(poller, all);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Array.ForEach(all, one => one.Dispose());

        static void Turn(Poller poller, EventDescriptor[] all)
        {
            poller.WantWrite(all[0].Number, Token, wanted: true);
            poller.WantRead(all[1].Number, Token, wanted: false);
            int count = poller.Wait(1);
            for (int i = 0; i < count; i++)
            {
                _ = poller.Event(i, out _);
            }

            poller.WantWrite(all[0].Number, Token, wanted: false);
            poller.WantRead(all[1].Number, Token, wanted: true);
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void A_wait_ends_at_its_timeout(string kind)
    {
        using Poller poller = Create(kind);
        Assert.Equal(0, poller.Wait(0));
        using var quiet = new EventDescriptor();
        poller.TryAdd(quiet.Number, Token, level: false);
        var clock = Stopwatch.StartNew();
        Assert.Equal(0, poller.Wait(100));
        Assert.InRange(clock.ElapsedMilliseconds, 80, 5000);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_signal_ends_a_wait_without_an_event(string kind)
    {
        using Poller poller = Create(kind);
        using var quiet = new EventDescriptor();
        poller.TryAdd(quiet.Number, Token, level: false);
        int thread = 0;
        Task<int> waiting = Task.Factory.StartNew(
            () =>
            {
                Volatile.Write(ref thread, ThreadInterrupt.CurrentThread);
                return poller.Wait(-1);
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Eventually.Until(
            () =>
            {
                if (Volatile.Read(ref thread) is not 0 and var waiter && !waiting.IsCompleted)
                {
                    ThreadInterrupt.Interrupt(waiter);
                }

                return waiting.IsCompleted;
            }, "the wait is over");
        Assert.Equal(0, await waiting);
    }

    internal static Poller Create(string kind) => kind switch
    {
        "select" => new SelectPoller(),
        "poll" => new PollPoller(),
        _ => new EpollPoller(),
    };

    internal static Readiness Next(Poller poller)
    {
        Assert.Equal(1, poller.Wait(Soon));
        Readiness readiness = poller.Event(0, out ulong token);
        Assert.Equal(Token, token);
        return readiness;
    }
}
