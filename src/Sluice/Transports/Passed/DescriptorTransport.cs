using System.Globalization;

namespace Sluice.Transports.Passed;

/// <summary><c>fd://N</c>: a listening socket that this process was started with, by the number of its descriptor.</summary>
public sealed class DescriptorTransport : Transport
{
    /// <inheritdoc/>
    public override string Scheme => "fd";

    /// <inheritdoc/>
    public override TransportKind Kind => TransportKind.Stream;

    /// <inheritdoc/>
    public override bool HasDescriptor => true;

    internal override bool IsForeign => true;

    internal override ValueTask<StreamSocket> ConnectAsync(SocketAddressUrl url, SocketClientOptions options, CancellationToken cancellation) =>
        throw new SluiceException(ErrorIds.UnknownScheme, $"cannot connect to {url}: a descriptor is listened on; connect to the address that its socket has");

    private protected override Listener BindCore(SocketAddressUrl url, ListenOptions options)
    {
        int descriptor = int.Parse(url.Host, CultureInfo.InvariantCulture);
        PassedSockets.Own.TakeNumber(descriptor);
        return PassedSockets.Listen(url, descriptor);
    }
}
