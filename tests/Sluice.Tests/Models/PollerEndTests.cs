using System.Diagnostics;
using System.Net.Sockets;
using Sluice.Models.Readiness;
using Sluice.Native;
using Sluice.Tests.Support;

namespace Sluice.Tests.Models;

/// <summary>How the pollers tell of what ends: a FIN, a reset, a descriptor that was closed.</summary>
[Collection<DescriptorNumbers>]
public sealed class PollerEndTests
{
    private const ulong Token = PollerTests.Token;

    [Theory, MemberData(nameof(PollerTests.Kinds), MemberType = typeof(PollerTests))]
    public void The_peers_FIN_is_readable(string kind)
    {
        using Poller poller = PollerTests.Create(kind);
        using var pair = new KernelPair();
        poller.TryAdd(pair.Number, Token, level: false);
        pair.Peer.Shutdown(SocketShutdown.Send);
        Assert.Equal(kind == "select" ? Readiness.Read : Readiness.Read | Readiness.PeerClosed, PollerTests.Next(poller));
        Assert.Equal(0, pair.Ours.Receive(new byte[8]));
    }

    [Theory, MemberData(nameof(PollerTests.Kinds), MemberType = typeof(PollerTests))]
    public void A_reset_is_readable_and_over_where_the_call_knows_it(string kind)
    {
        using Poller poller = PollerTests.Create(kind);
        using var pair = new KernelPair();
        poller.TryAdd(pair.Number, Token, level: false);
        pair.Reset();
        Assert.Equal(kind == "select" ? Readiness.Read : Readiness.Read | Readiness.Write | Readiness.Over, PollerTests.Next(poller) & ~Readiness.PeerClosed);
        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => pair.Ours.Receive(new byte[8])).SocketErrorCode);
    }

    [Theory]
    [InlineData("poll", false)]
    [InlineData("epoll", false)]
    [InlineData("epoll", true)]
    public async Task The_end_of_a_paused_connection_spins_nobody(string kind, bool level)
    {
        using Poller poller = PollerTests.Create(kind);
        using var pair = new KernelPair();
        poller.TryAdd(pair.Number, Token, level);
        poller.WantRead(pair.Number, Token, wanted: false);
        pair.Reset();
        await Eventually.Until(() => pair.Ours.Poll(0, SelectMode.SelectRead), "the reset has arrived");
        Assert.True((PollerTests.Next(poller) & Readiness.Over) != 0);
        Assert.Equal(0, poller.Wait(0));
        poller.WantRead(pair.Number, Token, wanted: false);
        Assert.Equal(0, poller.Wait(0));
        poller.WantRead(pair.Number, Token, wanted: true);
        Assert.Equal(poller.IsEdgeTriggered && !level ? 0 : 1, poller.Wait(0));
    }

    [Fact]
    public void Select_tells_of_a_paused_connections_end_too_and_spins_nobody()
    {
        using Poller poller = PollerTests.Create("select");
        using var pair = new KernelPair();
        poller.TryAdd(pair.Number, Token, level: false);
        poller.WantRead(pair.Number, Token, wanted: false);
        pair.Reset();
        var clock = Stopwatch.StartNew();
        (int waits, int told) = (0, 0);
        while (clock.ElapsedMilliseconds < 1200)
        {
            int count = poller.Wait(-1); // looks twice a second at who neither reads nor writes
            waits++;
            told += count;
            Assert.True(count == 0 || (poller.Event(0, out _) & Readiness.Over) != 0);
        }

        Assert.InRange(told, 1, 5);
        Assert.InRange(waits, told, 6);
    }

    [Theory]
    [InlineData("poll")]
    [InlineData("epoll")]
    public async Task The_end_of_a_paused_connection_is_told_once_also_when_others_leave(string kind)
    {
        using Poller poller = PollerTests.Create(kind);
        var closed = new EventDescriptor();
        using var removed = new EventDescriptor();
        using var pair = new KernelPair();
        poller.TryAdd(closed.Number, Token + 1, level: false);
        poller.TryAdd(removed.Number, Token + 2, level: false);
        poller.TryAdd(pair.Number, Token, level: true);
        poller.WantRead(pair.Number, Token, wanted: false);
        pair.Reset();
        await Eventually.Until(() => pair.Ours.Poll(0, SelectMode.SelectRead), "the reset has arrived");
        closed.Dispose();
        Assert.Equal(kind == "poll" ? 2 : 1, poller.Wait(0)); // epoll does not hear of the closed one
        Assert.Equal(0, poller.Wait(0));
        poller.Remove(removed.Number, closing: false);
        Assert.Equal(0, poller.Wait(0));
        poller.Remove(pair.Number, closing: false);
        Assert.True(poller.TryAdd(pair.Number, Token, level: true));
        Assert.True((PollerTests.Next(poller) & Readiness.Read) != 0);
        Assert.True((PollerTests.Next(poller) & Readiness.Read) != 0);
    }

    [Theory]
    [InlineData("select")]
    [InlineData("poll")]
    public void One_that_was_closed_behind_our_back_is_over_and_the_others_go_on(string kind)
    {
        using Poller poller = PollerTests.Create(kind);
        EventDescriptor[] all = [.. Enumerable.Range(0, 5).Select(_ => new EventDescriptor())];
        for (int i = 0; i < all.Length; i++)
        {
            poller.TryAdd(all[i].Number, (ulong)i, level: false);
        }

        all[1].Dispose();
        all[4].Dispose();
        Assert.Equal(2, poller.Wait(10_000));
        Assert.All([0, 1], i => Assert.Equal(Readiness.Read | Readiness.Write | Readiness.Over, poller.Event(i, out _)));
        Assert.Equal(new ulong[] { 1, 4 }, new[] { TokenOf(poller, 0), TokenOf(poller, 1) }.Order());
        Assert.Equal(3, poller.Watched);
        Assert.Equal(0, poller.Wait(0));
        all[0].Set();
        all[3].Set();
        Assert.Equal(2, poller.Wait(0));
        Assert.Equal(new ulong[] { 0, 3 }, new[] { TokenOf(poller, 0), TokenOf(poller, 1) }.Order());
        Array.ForEach(all, one => one.Dispose());
    }

    private static ulong TokenOf(Poller poller, int index)
    {
        poller.Event(index, out ulong token);
        return token;
    }
}
