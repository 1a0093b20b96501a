using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Sluice.Transports;

namespace Sluice.Testing;

/// <summary>A datagram client without anything of Sluice: a .NET socket, connected to a server, so that it hears that address and no other. Fails instead of hanging.</summary>
public sealed class RawDatagramClient : IDisposable
{
    private static int _lastName;

    private readonly byte[] _buffer = new byte[128 * 1024];

    private RawDatagramClient(Socket socket, string? path) => (Socket, Path) = (socket, path);

    public Socket Socket { get; }

    /// <summary>The file of a Unix socket that has one.</summary>
    public string? Path { get; }

    /// <summary>Its address, which the server sees.</summary>
    public EndPoint EndPoint => Socket.LocalEndPoint!;

    /// <summary>Connects to a server. On a Unix socket it is bound to a new abstract name, or to a new file.</summary>
    public static RawDatagramClient Connect(SocketAddressUrl url, bool file = false)
    {
        ArgumentNullException.ThrowIfNull(url);
        RawDatagramClient client = Open(url.Scheme == "unixgram", url.Scheme != "unixgram" && url.ToIPEndPoint().AddressFamily == AddressFamily.InterNetworkV6, file);
        client.Socket.Connect(EndPointOf(url));
        return client;
    }

    /// <summary>Connects to an address of the network.</summary>
    public static RawDatagramClient Connect(IPEndPoint server)
    {
        ArgumentNullException.ThrowIfNull(server);
        RawDatagramClient client = Open(unix: false, server.AddressFamily == AddressFamily.InterNetworkV6);
        client.Socket.Connect(server);
        return client;
    }

    /// <summary>One that is bound, and connected to nobody: it hears everybody.</summary>
    public static RawDatagramClient Open(bool unix, bool six, bool file = false)
    {
        Socket socket = NewSocket(unix, six);
        if (!unix)
        {
            socket.Bind(new IPEndPoint(six ? IPAddress.IPv6Loopback : IPAddress.Loopback, 0));
            return new(socket, null);
        }

        string name = $"sluice-client-{Environment.ProcessId}-{Interlocked.Increment(ref _lastName).ToString(CultureInfo.InvariantCulture)}";
        string? path = file ? System.IO.Path.Combine(System.IO.Path.GetTempPath(), name) : null;
        socket.Bind(new UnixDomainSocketEndPoint(path ?? '\0' + name));
        return new(socket, path);
    }

    /// <summary>A Unix socket with no address at all, connected.</summary>
    public static RawDatagramClient ConnectUnnamed(SocketAddressUrl url)
    {
        Socket socket = NewSocket(unix: true, six: false);
        socket.Connect(EndPointOf(url));
        return new(socket, null);
    }

    /// <summary>Where a server of <paramref name="url"/> is reached.</summary>
    public static EndPoint EndPointOf(SocketAddressUrl url)
    {
        ArgumentNullException.ThrowIfNull(url);
        return url.Scheme != "unixgram" ? url.ToIPEndPoint() : new UnixDomainSocketEndPoint(url.Path.StartsWith('@') ? '\0' + url.Path[1..] : url.Path);
    }

    public async Task SendAsync(ReadOnlyMemory<byte> datagram) =>
        Assert(await Socket.SendAsync(datagram).AsTask().Within("a datagram could be sent") == datagram.Length);

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    /// <summary>The next datagram.</summary>
    public async Task<byte[]> ReceiveAsync(TimeSpan? within = null)
    {
        int count = await Socket.ReceiveAsync(_buffer.AsMemory()).AsTask().Within("a datagram came", within);
        return _buffer[..count];
    }

    public async Task<string> ReceiveTextAsync() => Encoding.UTF8.GetString(await ReceiveAsync());

    /// <summary>Sends one and gives the answer.</summary>
    public async Task<string> AskAsync(string text)
    {
        await SendAsync(text);
        return await ReceiveTextAsync();
    }

    /// <summary>Everything that has come already.</summary>
    public List<byte[]> Drain()
    {
        var all = new List<byte[]>();
        while (Socket.Poll(0, SelectMode.SelectRead))
        {
            all.Add(_buffer[..Socket.Receive(_buffer)]);
        }

        return all;
    }

    public void Dispose()
    {
        Socket.Dispose();
        if (Path is not null)
        {
            File.Delete(Path);
        }
    }

    private static Socket NewSocket(bool unix, bool six) => unix
        ? new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified)
        : new(six ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);

    private static void Assert(bool sent)
    {
        if (!sent)
        {
            throw new InvalidOperationException("A part of a datagram was sent.");
        }
    }
}
