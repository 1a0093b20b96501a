using System.Net;
using System.Net.Sockets;

namespace Sluice.Transports.Udp;

/// <summary><c>udp://HOST:PORT</c>: UDP over IPv4 and IPv6. udp(7).</summary>
public sealed class UdpTransport : Transport
{
    /// <inheritdoc/>
    public override string Scheme => "udp";

    /// <inheritdoc/>
    public override TransportKind Kind => TransportKind.Datagram;

    /// <inheritdoc/>
    public override bool HasDescriptor => true;

    internal override Listener Adopt(SocketAddressUrl url, int descriptor) => DatagramListener.Adopt(url, descriptor);

    internal override IReadOnlyList<Listener> BindAll(SocketAddressUrl url, ListenOptions options, int sockets)
    {
        IPEndPoint endPoint = url.ToIPEndPoint();
        List<Listener> bound = [];
        try
        {
            // The first alone, so that an address that somebody has is refused; its twins share what it has got then.
            DatagramListener first = Bind(url, endPoint, options.ReusePort, isTwin: false);
            bound.Add(first);
            if (sockets > 1)
            {
                first.ShareAddress();
            }

            while (bound.Count < sockets)
            {
                bound.Add(Bind(url, (IPEndPoint)first.LocalEndPoint, reusePort: true, isTwin: true));
            }

            return bound;
        }
        catch (SocketException error)
        {
            bound.ForEach(static listener => listener.Close());
            throw ListenErrors.Describe(url, error);
        }
    }

    private protected override Listener BindCore(SocketAddressUrl url, ListenOptions options) => BindAll(url, options, sockets: 1)[0];

    private DatagramListener Bind(SocketAddressUrl url, IPEndPoint endPoint, bool reusePort, bool isTwin)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (endPoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true; // IPV6_V6ONLY off: [::] serves IPv4 too
            }

            // SO_REUSEADDR would let two servers have one port, where the later gets everything; there is no TIME_WAIT to need it for.
            RawSocketOptions.SetReuse(socket, address: false, reusePort);
            socket.Bind(endPoint);
            return DatagramListener.Of(socket, SocketAddressUrl.From(Scheme, (IPEndPoint)socket.LocalEndPoint!), isTwin);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
