namespace Sluice.Transports.Passed;

/// <summary>
/// <c>systemd:NAME</c>: the sockets, of connections and of datagrams, that systemd passed under that name (<c>FileDescriptorName=</c>), however many there are.
/// sd_listen_fds_with_names(3).
/// </summary>
public sealed class SystemdTransport : Transport
{
    /// <inheritdoc/>
    public override string Scheme => "systemd";

    /// <inheritdoc/>
    public override TransportKind Kind => TransportKind.Stream;

    /// <inheritdoc/>
    public override bool HasDescriptor => true;

    internal override bool IsForeign => true;

    internal override TransportKind? KindOf(SocketAddressUrl url) => PassedSockets.Own.KindOf(url.Host);

    internal override IReadOnlyList<Listener> BindAll(SocketAddressUrl url, ListenOptions options, int sockets)
    {
        IReadOnlyList<int> descriptors = PassedSockets.Own.TakeNamed(url.Host);
        if (descriptors.Count == 0)
        {
            string[] others = [.. PassedSockets.Own.Left.Select(one => one.Name).Distinct(StringComparer.Ordinal)];
            throw new SluiceException(ErrorIds.NothingPassed, others.Length > 0
                ? $"cannot listen on {url}: systemd passed no socket of that name; it passed {string.Join(", ", others)}: see FileDescriptorName= of the socket unit"
                : $"cannot listen on {url}: no socket was passed to this process (LISTEN_FDS and LISTEN_PID say so); start it by its socket unit, or listen on tcp:// or unix://");
        }

        return [.. descriptors.Select(descriptor => PassedSockets.Listen(url, descriptor))];
    }

    internal override ValueTask<StreamSocket> ConnectAsync(SocketAddressUrl url, SocketClientOptions options, CancellationToken cancellation) =>
        throw new SluiceException(ErrorIds.UnknownScheme, $"cannot connect to {url}: what systemd passes is listened on; connect to the address that its socket has");

    private protected override Listener BindCore(SocketAddressUrl url, ListenOptions options) => BindAll(url, options, sockets: 1) is [var only]
        ? only
        : throw new SluiceException(ErrorIds.NothingPassed, $"cannot bind {url} as one listener: systemd passed several of that name; let a server listen on it");
}
