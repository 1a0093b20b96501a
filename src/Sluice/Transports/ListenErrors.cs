using System.Net.Sockets;

namespace Sluice.Transports;

/// <summary>What a failed bind(2) or listen(2) means, in one line that says what to do.</summary>
internal static class ListenErrors
{
    public static SluiceException Describe(SocketAddressUrl url, SocketException error) => error.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => new(ErrorIds.AddressInUse,
            $"cannot listen on {url}: another process listens there; stop it, or choose another {(url.Path.Length > 0 ? "path" : "port (0 takes any free one)")}", error),
        SocketError.AccessDenied when url.Path.Length == 0 => new(ErrorIds.AddressDenied,
            $"cannot listen on {url}: ports below {PrivilegedPorts()} need the capability CAP_NET_BIND_SERVICE; choose a higher port", error),
        SocketError.AccessDenied => new(ErrorIds.AddressDenied,
            $"cannot listen on {url}: no permission to make a socket there; choose a directory this user may write to", error),
        SocketError.AddressNotAvailable when url.Path.Length == 0 => new(ErrorIds.CannotBind,
            $"cannot listen on {url}: this machine has no address {url.Host}; use one of its own, 127.0.0.1, or 0.0.0.0 for all", error),
        _ when url.Path.Length > 0 => new(ErrorIds.CannotBind,
            $"cannot listen on {url}: {error.Message}; does the directory exist and may this user write to it?", error),
        _ => new(ErrorIds.CannotBind, $"cannot listen on {url}: {error.Message}", error),
    };

    private static string PrivilegedPorts()
    {
        try
        {
            return File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start").Trim();
        }
        catch (IOException)
        {
            return "1024";
        }
    }
}
