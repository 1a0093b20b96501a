using Sluice.Transports;

namespace Sluice.Cli.Commands;

/// <summary>What a command asks of its URLs beyond what the library does.</summary>
internal static class Addresses
{
    /// <summary>At least one, and none that nobody outside of this process could reach.</summary>
    public static void Check(ICollection<string> urls)
    {
        if (urls.Count == 0)
        {
            throw new UsageException(ErrorIds.NothingToListenOn, "no address to listen on; add --listen URL, as in --listen tcp://127.0.0.1:9000");
        }

        foreach (string url in urls)
        {
            int model = url.LastIndexOf("?model=", StringComparison.Ordinal);
            Parse(model < 0 ? url : url[..model]);
        }
    }

    /// <summary>Reads an address.</summary>
    public static SocketAddressUrl Parse(string url)
    {
        SocketAddressUrl address = SocketAddressUrl.Parse(url);
        return address.Scheme is not "memory"
            ? address
            : throw new UsageException(ErrorIds.UnknownScheme, $"cannot use {address}: memory:// connects handlers and clients of one process only; use tcp:// or unix://");
    }
}
