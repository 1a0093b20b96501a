using System.Net;
using System.Net.Sockets;

namespace Sluice.Native.Tests;

public sealed class ListeningDescriptorTests
{
    [Fact]
    public void A_listening_stream_socket_is_one()
    {
        using var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        tcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        tcp.Listen();
        Assert.Null(ListeningDescriptor.Complaint((int)tcp.Handle));
        Assert.Equal(tcp.LocalEndPoint, ListeningDescriptor.LocalEndPointOf((int)tcp.Handle));
    }

    [Theory, InlineData(AddressFamily.InterNetwork), InlineData(AddressFamily.InterNetworkV6), InlineData(AddressFamily.Unix)]
    public void A_bound_datagram_socket_is_one(AddressFamily family)
    {
        using var datagrams = new Socket(family, SocketType.Dgram, family == AddressFamily.Unix ? ProtocolType.Unspecified : ProtocolType.Udp);
        datagrams.Bind(family switch
        {
            AddressFamily.Unix => new UnixDomainSocketEndPoint("\0" + Path.GetRandomFileName()),
            AddressFamily.InterNetwork => new IPEndPoint(IPAddress.Loopback, 0),
            _ => new IPEndPoint(IPAddress.IPv6Loopback, 0),
        });
        Assert.Null(ListeningDescriptor.Complaint((int)datagrams.Handle));
        Assert.True(ListeningDescriptor.IsOfDatagrams((int)datagrams.Handle));
    }

    [Fact]
    public void What_is_none_is_told_why()
    {
        using var connected = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        using FileStream file = File.OpenRead("/dev/null");
        Assert.Equal("it is a stream socket that does not listen", ListeningDescriptor.Complaint((int)connected.Handle));
        using var packets = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        using var unnamed = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        Assert.Equal("it is a datagram socket that is not bound", ListeningDescriptor.Complaint((int)datagrams.Handle));
        Assert.Equal("it is a datagram socket that is not bound", ListeningDescriptor.Complaint((int)unnamed.Handle));
        Assert.Equal("it is a socket, but neither of streams nor of datagrams", ListeningDescriptor.Complaint((int)packets.Handle));
        Assert.Equal("it is no socket", ListeningDescriptor.Complaint((int)file.SafeFileHandle.DangerousGetHandle()));
        Assert.Equal("no such descriptor is open", ListeningDescriptor.Complaint(1_000_000));
    }

    [Fact]
    public void Closing_leaves_a_socket_that_is_shared_as_it_was()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen();
        ListeningDescriptor ours = ListeningDescriptor.TakeFrom(socket);
        using var theirs = new Socket(new SafeSocketHandle(new DescriptorCopy(ours).Number, ownsHandle: true)); // as another process would have it

        ours.Dispose();

        Assert.True(File.Exists(path));
        Assert.Null(ListeningDescriptor.Complaint((int)theirs.Handle));
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(path));
        Assert.False(theirs.LingerState!.Enabled); // accepted sockets would inherit it, and be reset by their close
        File.Delete(path);
    }

    [Fact]
    public void Who_ends_the_listening_ends_it_for_all()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        EndPoint address = socket.LocalEndPoint!;
        using ListeningDescriptor ours = ListeningDescriptor.TakeFrom(socket);
        using var theirs = new DescriptorCopy(ours);

        ours.EndListening();

        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        SocketException refused = Assert.Throws<SocketException>(() => client.Connect(address));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }
}
