using System.Net.Sockets;
using System.Text;

namespace Sluice.Transports.UnixStream;

/// <summary><c>unix:///PATH</c>, and <c>unix://@NAME</c> for an abstract name: stream sockets between processes of one machine. unix(7).</summary>
public sealed class UnixStreamTransport : Transport
{
    // sizeof(sockaddr_un.sun_path) is 108, with its NUL.
    private const int MaxPathBytes = 107;

    /// <inheritdoc/>
    public override string Scheme => "unix";

    /// <inheritdoc/>
    public override TransportKind Kind => TransportKind.Stream;

    /// <inheritdoc/>
    public override bool HasDescriptor => true;

    internal override Listener Adopt(SocketAddressUrl url, int descriptor) => KernelListener.Adopt(url, descriptor);

    internal override async ValueTask<StreamSocket> ConnectAsync(SocketAddressUrl url, SocketClientOptions options, CancellationToken cancellation)
    {
        CheckPath(url);
        UnixDomainSocketEndPoint endPoint = url.ToUnixEndPoint();
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        return await StreamConnect.ConnectAsync(socket, endPoint, endPoint, cancellation);
    }

    private protected override Listener BindCore(SocketAddressUrl url, ListenOptions options)
    {
        CheckPath(url);
        StaleSocketFile.RemoveIfStale(url);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(url.ToUnixEndPoint());
            socket.Listen(options.Backlog);
            return KernelListener.Of(socket, url);
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw ListenErrors.Describe(url, error);
        }
    }

    private static void CheckPath(SocketAddressUrl url)
    {
        int bytes = Encoding.UTF8.GetByteCount(url.Path);
        if (bytes > MaxPathBytes)
        {
            throw new SluiceException(ErrorIds.UnixPathTooLong, $"cannot use {url}: the path has {bytes} bytes and a Unix socket's at most {MaxPathBytes}; choose a shorter one");
        }
    }
}
