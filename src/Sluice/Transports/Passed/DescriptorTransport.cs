using System.Globalization;

namespace Sluice.Transports.Passed;

/// <summary><c>fd://N</c>: a socket that this process was started with, which listens or is bound for datagrams, by the number of its descriptor.</summary>
public sealed class DescriptorTransport : Transport
{
    /// <inheritdoc/>
    public override string Scheme => "fd";

    /// <inheritdoc/>
    public override TransportKind Kind => TransportKind.Stream;

    /// <inheritdoc/>
    public override bool HasDescriptor => true;

    internal override bool IsForeign => true;

    internal override TransportKind? KindOf(SocketAddressUrl url) => PassedSockets.KindOf(NumberOf(url));

    internal override ValueTask<StreamSocket> ConnectAsync(SocketAddressUrl url, SocketClientOptions options, CancellationToken cancellation) =>
        throw new SluiceException(ErrorIds.UnknownScheme, $"cannot connect to {url}: a descriptor is listened on; connect to the address that its socket has");

    private protected override Listener BindCore(SocketAddressUrl url, ListenOptions options)
    {
        int descriptor = NumberOf(url);
        PassedSockets.Own.TakeNumber(descriptor);
        return PassedSockets.Listen(url, descriptor);
    }

    private static int NumberOf(SocketAddressUrl url) => int.Parse(url.Host, CultureInfo.InvariantCulture);
}
