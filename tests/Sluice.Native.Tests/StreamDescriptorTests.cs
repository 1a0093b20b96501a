using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Sluice.Native.Tests;

public sealed class StreamDescriptorTests
{
    [Fact]
    public void Bytes_go_both_ways_and_fin_is_zero()
    {
        using var pair = new SocketPair();
        byte[] buffer = new byte[10];
        pair.Peer.Send("ping"u8);
        Assert.Equal(4, pair.Ours.Receive(buffer, wait: true).Count);
        Assert.Equal("ping"u8.ToArray(), buffer[..4]);
        Assert.Equal(4, pair.Ours.Send("pong"u8, wait: true).Count);
        Assert.Equal(4, pair.Peer.Receive(buffer));
        pair.Peer.Shutdown(SocketShutdown.Send);
        Assert.Equal(SocketResult.Of(0), pair.Ours.Receive(buffer, wait: true));
    }

    [Fact]
    public void Reset_sends_a_real_RST()
    {
        using var pair = new SocketPair();
        pair.Ours.Reset();
        SocketException error = Assert.Throws<SocketException>(() => pair.Peer.Receive(new byte[1]));
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    [Fact]
    public void Reset_of_a_Unix_socket_ends_it()
    {
        using var pair = new SocketPair(unix: true);
        pair.Ours.Reset();
        Assert.Equal(0, pair.Peer.Receive(new byte[1]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_receive_that_waits_is_woken_from_another_thread(bool byReset)
    {
        using var pair = new SocketPair();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<SocketResult> receiving = Task.Factory.StartNew(
            () =>
            {
                entered.SetResult();
                return pair.Ours.Receive(new byte[1], wait: true);
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await entered.Task;
        if (byReset)
        {
            pair.Ours.Reset();
        }
        else
        {
            pair.Ours.Shutdown(SocketShutdown.Receive);
        }

        SocketResult result = await receiving.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.True(byReset || result is { Succeeded: true, Count: 0 }, result.ToString());
    }

    [Fact]
    public void A_receive_waits_no_longer_than_its_timeout()
    {
        using var pair = new SocketPair();
        pair.Ours.SetReceiveTimeout(TimeSpan.FromMilliseconds(100));
        var clock = Stopwatch.StartNew();
        SocketResult result;
        do
        {
            result = pair.Ours.Receive(new byte[1], wait: true);
        }
        while (result.Error == NativeError.Interrupted); // the runtime's own signals, which stop threads for a collection
        Assert.Equal(NativeError.WouldBlock, result.Error);
        Assert.InRange(clock.ElapsedMilliseconds, 80, 5000);
    }

    [Fact]
    public void A_send_waits_no_longer_than_its_timeout()
    {
        using var pair = new SocketPair();
        byte[] much = new byte[1 << 20];
        pair.Ours.SetSendTimeout(TimeSpan.FromMilliseconds(100));
        SocketResult result;
        int sends = 0;
        do
        {
            result = pair.Ours.Send(much, wait: true);
        }
        while ((result.Succeeded && ++sends < 1000) || result.Error == NativeError.Interrupted);

        Assert.Equal(NativeError.WouldBlock, result.Error);
    }

    [Fact]
    public void An_accepted_descriptor_is_blocking_and_closed_on_exec()
    {
        using var pair = new SocketPair();
        string line = File.ReadLines($"/proc/self/fdinfo/{pair.Ours.Number}").First(text => text.StartsWith("flags:", StringComparison.Ordinal));
        int flags = Convert.ToInt32(line["flags:".Length..].Trim(), fromBase: 8);
        Assert.Equal(0x80000, flags & 0x80000);
        Assert.Equal(0, flags & 0x800);
    }

    [Fact]
    public void The_ends_are_known_by_address()
    {
        using var pair = new SocketPair();
        Assert.Equal(pair.Peer.LocalEndPoint, pair.Ours.Peer);
        Assert.Equal(pair.Peer.RemoteEndPoint, pair.Ours.LocalEndPoint());
        pair.Ours.Close();
        Assert.Null(pair.Ours.LocalEndPoint());
        Assert.NotNull(pair.Ours.Peer);
    }

    [Fact]
    public void Connections_of_one_address_have_one_source_over_IPv4_and_over_mapped_IPv6()
    {
        using var one = new SocketPair();
        using var other = new SocketPair();
        Assert.Equal(one.Ours.SourceKey, other.Ours.SourceKey);
        Assert.NotEqual(0UL, one.Ours.SourceKey);

        using var listener = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        listener.Bind(new IPEndPoint(IPAddress.IPv6Any, 0));
        listener.Listen();
        using var mapped = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        mapped.Connect(IPAddress.Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port);
        Assert.True(ListeningSocket.TryAccept(listener.SafeHandle, out StreamDescriptor accepted, out _));
        Assert.Equal(one.Ours.SourceKey, accepted.SourceKey);
        Assert.Equal(mapped.LocalEndPoint, accepted.Peer);

        using var six = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        six.Connect(IPAddress.IPv6Loopback, ((IPEndPoint)listener.LocalEndPoint!).Port);
        Assert.True(ListeningSocket.TryAccept(listener.SafeHandle, out StreamDescriptor overSix, out _));
        Assert.NotEqual(accepted.SourceKey, overSix.SourceKey);
        Assert.Equal(six.LocalEndPoint, overSix.Peer);
        accepted.Close();
        overSix.Close();
    }

    [Fact]
    public void A_Unix_peer_is_known_by_its_user()
    {
        using var pair = new SocketPair(unix: true);
        string uid = File.ReadLines("/proc/self/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2];
        Assert.Equal(uid, pair.Ours.PeerCredentials()?.User.ToString(CultureInfo.InvariantCulture));
        Assert.Equal(Environment.ProcessId, pair.Ours.PeerCredentials()?.Process);
        Assert.Null(pair.Ours.Peer);
        pair.Ours.Close();
        Assert.Null(pair.Ours.PeerCredentials());
    }

    [Fact]
    public void A_connection_is_taken_over_from_dotnet_whole()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndpoint);
        client.Blocking = false;
        using Socket server = listener.AcceptSocket();
        EndPoint local = client.LocalEndPoint!;
        Assert.True(StreamConnector.TryTake(client.SafeHandle, out StreamDescriptor taken, out NativeError error), error.ToString());
        client.Dispose();

        server.Send("still here"u8);
        Assert.Equal(10, taken.Receive(new byte[20], wait: true).Count);
        Assert.Equal(local, taken.LocalEndPoint());
        Assert.Equal(server.LocalEndPoint, taken.Peer);
        taken.Close();
        Assert.Equal(0, server.Receive(new byte[1]));
    }

    [Fact]
    public void Closing_twice_closes_once_and_every_descriptor_is_released()
    {
        int before = SocketPair.OpenDescriptors;
        for (int i = 0; i < 200; i++)
        {
            using var pair = new SocketPair();
            pair.Ours.Close();
            pair.Ours.Close();
            Assert.True(pair.Ours.IsClosed);
            pair.Ours.Shutdown(SocketShutdown.Both);
            pair.Ours.Reset();
        }

        Assert.InRange(SocketPair.OpenDescriptors, 0, before + 20);
    }
}
