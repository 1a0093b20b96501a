using System.Net.Sockets;

namespace Sluice.Transports.UnixStream;

/// <summary><c>unix:///PATH</c>, and <c>unix://@NAME</c> for an abstract name: stream sockets between processes of one machine. unix(7).</summary>
public sealed class UnixStreamTransport : Transport
{
    /// <inheritdoc/>
    public override string Scheme => "unix";

    /// <inheritdoc/>
    public override TransportKind Kind => TransportKind.Stream;

    /// <inheritdoc/>
    public override bool HasDescriptor => true;

    internal override Listener Adopt(SocketAddressUrl url, int descriptor) => KernelListener.Adopt(url, descriptor);

    internal override async ValueTask<StreamSocket> ConnectAsync(SocketAddressUrl url, SocketClientOptions options, CancellationToken cancellation)
    {
        UnixSockets.CheckPath(url);
        UnixDomainSocketEndPoint endPoint = url.ToUnixEndPoint();
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        return await StreamConnect.ConnectAsync(socket, endPoint, endPoint, cancellation);
    }

    private protected override Listener BindCore(SocketAddressUrl url, ListenOptions options)
    {
        Socket socket = UnixSockets.Bind(url, SocketType.Stream, options);
        try
        {
            socket.Listen(options.Backlog);
            return KernelListener.Of(socket, url);
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw ListenErrors.Describe(url, error);
        }
    }
}
