using Sluice.Transports;
using Sluice.Transports.InMemory;
using Sluice.Transports.Passed;
using Sluice.Transports.Tcp;
using Sluice.Transports.Udp;
using Sluice.Transports.UnixDatagram;
using Sluice.Transports.UnixStream;

namespace Sluice;

/// <summary>The transports of this build, by URL scheme. Part of the composition: no model and no transport comes here.</summary>
internal static class BuiltInTransports
{
    private static readonly Dictionary<string, Transport> ByScheme = new Transport[] { new TcpTransport(), new UnixStreamTransport(), new UdpTransport(), new UnixDatagramTransport(), new DescriptorTransport(), new SystemdTransport(), InMemoryTransport.Shared }
        .ToDictionary(transport => transport.Scheme, StringComparer.Ordinal);

    public static IEnumerable<Transport> All => ByScheme.Values;

    /// <summary>The transport of the address, or SLU0002.</summary>
    public static Transport For(SocketAddressUrl address) => ByScheme.TryGetValue(address.Scheme, out Transport? transport)
        ? transport
        : throw new SluiceException(ErrorIds.UnknownScheme,
            $"cannot use {address}: this build has no transport '{address.Scheme}'; it has {string.Join(", ", ByScheme.Keys.Select(scheme => scheme is "systemd" ? "systemd:" : scheme + "://"))}");
}
