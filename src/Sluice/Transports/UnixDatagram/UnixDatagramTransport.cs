using System.Net.Sockets;

namespace Sluice.Transports.UnixDatagram;

/// <summary><c>unixgram:///PATH</c>, and <c>unixgram://@NAME</c> for an abstract name: datagrams between processes of one machine, in order and without loss. unix(7).</summary>
public sealed class UnixDatagramTransport : Transport
{
    /// <inheritdoc/>
    public override string Scheme => "unixgram";

    /// <inheritdoc/>
    public override TransportKind Kind => TransportKind.Datagram;

    /// <inheritdoc/>
    public override bool HasDescriptor => true;

    internal override Listener Adopt(SocketAddressUrl url, int descriptor) => DatagramListener.Adopt(url, descriptor);

    private protected override Listener BindCore(SocketAddressUrl url, ListenOptions options) =>
        DatagramListener.Of(UnixSockets.Bind(url, SocketType.Dgram, options), url, isTwin: false);
}
