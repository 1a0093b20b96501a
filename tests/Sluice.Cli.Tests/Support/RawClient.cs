using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sluice.Cli.Tests.Support;

/// <summary>A client without any of our code.</summary>
internal sealed class RawClient : IDisposable
{
    private RawClient(Socket socket)
    {
        Socket = socket;
        Socket.ReceiveTimeout = (int)SluiceProcess.Patience.TotalMilliseconds;
    }

    public Socket Socket { get; }

    public int Port => ((IPEndPoint)Socket.LocalEndPoint!).Port;

    public static RawClient Connect(int port) => Connect(IPAddress.Loopback, port);

    public static RawClient Connect(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(address, port);
        return new RawClient(socket);
    }

    public static RawClient Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return new RawClient(socket);
    }

    public void Send(string text) => Socket.Send(Encoding.UTF8.GetBytes(text));

    public void Send(byte[] bytes) => Socket.Send(bytes);

    /// <summary>Exactly so many bytes.</summary>
    public byte[] Receive(int count)
    {
        byte[] bytes = new byte[count];
        for (int got = 0; got < count;)
        {
            int more = Socket.Receive(bytes, got, count - got, SocketFlags.None);
            Assert.True(more > 0, $"The server closed after {got} of {count} bytes.");
            got += more;
        }

        return bytes;
    }

    public string ReceiveText(int count) => Encoding.UTF8.GetString(Receive(count));

    /// <summary>Everything up to the server's end.</summary>
    public byte[] ReceiveToEnd()
    {
        var all = new MemoryStream();
        byte[] piece = new byte[4096];
        while (Socket.Receive(piece) is > 0 and var count)
        {
            all.Write(piece, 0, count);
        }

        return all.ToArray();
    }

    /// <summary>FIN; what comes is still read.</summary>
    public void Finish() => Socket.Shutdown(SocketShutdown.Send);

    /// <summary>Whether nothing comes within <paramref name="milliseconds"/>.</summary>
    public bool IsSilentFor(int milliseconds) => !Socket.Poll(TimeSpan.FromMilliseconds(milliseconds), SelectMode.SelectRead);

    public void Dispose() => Socket.Dispose();
}
