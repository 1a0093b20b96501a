using System.Net;
using System.Net.Sockets;
using CsCheck;
using Sluice.Native;

namespace Sluice.Tests.Datagrams;

/// <summary>Batches over real sockets: what is given together arrives apart.</summary>
public sealed class DatagramSendBatchTests
{
    private const int Peers = 3;

    private static readonly Gen<(int Peer, int Length, int Way)> Reply =
        from peer in Gen.Int[0, Peers - 1]
        from length in Gen.OneOf(Gen.Const(200), Gen.Const(300), Gen.Int[0, 1_600], Gen.Const(0), Gen.Const(1_452), Gen.Const(9_000))
        from way in Gen.Int[0, 2]
        select (peer, length, way);

    private readonly List<DatagramBuffer> _own = []; // until they have gone

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Replies_in_any_sequence_arrive_as_they_were_given_each_peers_in_order(bool offload)
    {
        using Socket server = Bound();
        Socket[] peers = [.. Enumerable.Range(0, Peers).Select(_ => Bound())];
        DatagramBuffer[] asked = [.. peers.Select(peer => Ask(server, peer))];
        using var batch = new DatagramSendBatch(offload);
        Reply.Array[1, 300].Sample(replies =>
        {
            var expected = new Queue<byte[]>[Peers];
            for (int i = 0; i < Peers; i++)
            {
                expected[i] = new Queue<byte[]>();
            }

            int number = 0;
            int pending = 0;
            foreach ((int peer, int length, int way) in replies)
            {
                byte[] payload = Payload.Make(length, seed: number++);
                if (pending == 24 || !TryAdd(batch, asked[peer], payload, way))
                {
                    Flush(); // a batch that is full, or what the peers have room for
                    pending = 0;
                    Assert.True(TryAdd(batch, asked[peer], payload, way));
                }

                expected[peer].Enqueue(payload);
                pending++;
            }

            Flush();

            void Flush()
            {
                batch.Send((int)server.Handle, new NoFailures());
                Assert.True(batch.IsEmpty);
                _own.Clear();
                byte[] room = new byte[65_536];
                for (int i = 0; i < Peers; i++)
                {
                    while (expected[i].TryDequeue(out byte[]? payload))
                    {
                        int count = peers[i].Receive(room);
                        Assert.True(payload.AsSpan().SequenceEqual(room.AsSpan(0, count)), $"peer {i} got {count} bytes for {payload.Length}");
                    }

                    Assert.Equal(0, peers[i].Available);
                }
            }
        }, iter: 60, threads: 1);
        Assert.Equal(offload, batch.Offloads);
        Array.ForEach(peers, static peer => peer.Dispose());
    }

    [Fact]
    public void None_overtakes_one_to_the_same_peer_that_had_no_room()
    {
        string name = $"\0sluice-batch-{Environment.ProcessId}";
        using var server = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        server.Bind(new UnixDomainSocketEndPoint(name));
        using var lazy = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
        lazy.Bind(new UnixDomainSocketEndPoint(name + "-lazy"));
        using var other = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 10_000 };
        other.Bind(new UnixDomainSocketEndPoint(name + "-other"));
        byte[] toLazy = Name(lazy);
        byte[] toOther = Name(other);
        using var batch = new DatagramSendBatch(offload: false);
        const int Count = 60; // more than the queue holds
        for (int i = 0; i < Count; i++)
        {
            Assert.True(batch.TrySend(toLazy, [(byte)i]));
        }

        Assert.True(batch.TrySend(toOther, "x"u8));
        var waits = new LazyPeer(lazy, toLazy);
        batch.Send((int)server.Handle, waits);

        // What was received and what waits are the whole, in order.
        Assert.True(waits.Failed.Count > 0);
        while (lazy.Available > 0)
        {
            waits.Receive();
        }

        Assert.Equal(Enumerable.Range(0, Count).Select(i => (byte)i), waits.Received.Concat(waits.Failed));
        byte[] one = new byte[10];
        Assert.Equal(1, other.Receive(one));
    }

    private bool TryAdd(DatagramSendBatch batch, DatagramBuffer to, byte[] payload, int way)
    {
        switch (way)
        {
            case 0:
                return batch.TryReply(to, payload);
            case 1:
                return batch.TrySend(to.Name, payload);
            default: // a part of what is answered: its bytes must not change until the batch has gone, so each has its own
                var own = new DatagramBuffer(payload.Length + 10);
                own.Set(to.Name, to.LocalAddress, [], [.. new byte[10], .. payload], isTruncated: false, 0, credentials: null);
                _own.Add(own);
                return batch.TryReply(own, DatagramBuffer.PayloadOffset + 10, payload.Length);
        }
    }

    private static Socket Bound()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 10_000 };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    // A datagram of the peer, as it was received.
    private static DatagramBuffer Ask(Socket server, Socket peer)
    {
        peer.SendTo("?"u8, server.LocalEndPoint!);
        var buffer = new DatagramBuffer(100);
        using var batch = new DatagramReceiveBatch(1);
        Assert.True(server.Poll(10_000_000, SelectMode.SelectRead));
        Assert.Equal(1, batch.Receive((int)server.Handle, new[] { buffer }).Count);
        return buffer;
    }

    private static byte[] Name(Socket socket)
    {
        SocketAddress address = socket.LocalEndPoint!.Serialize();
        return address.Buffer.Span[..address.Size].ToArray();
    }

    private sealed class NoFailures : IDatagramFailures
    {
        public bool MayGo(ReadOnlySpan<byte> name) => true;

        public void OnNotSent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> source, ReadOnlySpan<byte> payload, NativeError error) => Assert.Fail($"{error}");
    }

    // Reads whenever one had no room, so that there is some for the next.
    private sealed class LazyPeer(Socket socket, byte[] own) : IDatagramFailures
    {
        public List<byte> Received { get; } = [];

        public List<byte> Failed { get; } = [];

        public bool MayGo(ReadOnlySpan<byte> name) => !name.SequenceEqual(own);

        public void OnNotSent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> source, ReadOnlySpan<byte> payload, NativeError error)
        {
            Assert.Equal(NativeError.WouldBlock, error);
            Assert.True(name.SequenceEqual(own), "the other one had no room");
            Failed.Add(payload[0]);
            Receive();
        }

        public void Receive()
        {
            byte[] one = new byte[10];
            if (socket.Available > 0)
            {
                Assert.Equal(1, socket.Receive(one));
                Received.Add(one[0]);
            }
        }
    }
}
