using Sluice.Cli.Settings;
using Sluice.Transports;

namespace Sluice.Cli.Commands;

/// <summary>What a command asks of its URLs beyond what the library does.</summary>
internal static class Addresses
{
    /// <summary>At least one, and none that nobody outside of this process could reach.</summary>
    public static void Check(SocketServerOptions options)
    {
        if (options.Listen.Count == 0)
        {
            throw new UsageException(ErrorIds.NothingToListenOn, "no address to listen on; add --listen URL, as in --listen tcp://127.0.0.1:9000");
        }

        Array.ForEach(ListenAddress.All(options), address => OfSeveralProcesses(address.Url));
    }

    /// <summary>Reads an address to connect to.</summary>
    public static SocketAddressUrl Parse(string url) => OfSeveralProcesses(SocketAddressUrl.Parse(url));

    private static SocketAddressUrl OfSeveralProcesses(SocketAddressUrl url) => url.Scheme is not "memory"
        ? url
        : throw new UsageException(ErrorIds.UnknownScheme, $"cannot use {url}: memory:// connects handlers and clients of one process only; use tcp:// or unix://");
}
