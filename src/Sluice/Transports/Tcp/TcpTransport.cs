using System.Net;
using System.Net.Sockets;

namespace Sluice.Transports.Tcp;

/// <summary><c>tcp://HOST:PORT</c>: TCP over IPv4 and IPv6. tcp(7).</summary>
public sealed class TcpTransport : Transport
{
    /// <inheritdoc/>
    public override string Scheme => "tcp";

    /// <inheritdoc/>
    public override TransportKind Kind => TransportKind.Stream;

    /// <inheritdoc/>
    public override bool HasDescriptor => true;

    internal override Listener Adopt(SocketAddressUrl url, int descriptor) => KernelListener.Adopt(url, descriptor);

    internal override async ValueTask<StreamSocket> ConnectAsync(SocketAddressUrl url, SocketClientOptions options, CancellationToken cancellation)
    {
        IPEndPoint endPoint = url.ToIPEndPoint();
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        return await StreamConnect.ConnectAsync(socket, endPoint, unixEndPoint: null, cancellation);
    }

    private protected override Listener BindCore(SocketAddressUrl url, ListenOptions options)
    {
        IPEndPoint endPoint = url.ToIPEndPoint();
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true; // IPV6_V6ONLY off: [::] serves IPv4 too
            }

            TcpOptions.Apply(socket, options);
            socket.Bind(endPoint);
            socket.Listen(options.Backlog);
            return KernelListener.Of(socket, SocketAddressUrl.From(Scheme, (IPEndPoint)socket.LocalEndPoint!));
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw ListenErrors.Describe(url, error);
        }
    }
}
