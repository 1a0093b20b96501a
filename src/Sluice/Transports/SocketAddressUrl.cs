using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Sluice.Transports;

/// <summary>A socket's address as people write it: <c>tcp://127.0.0.1:9000</c>, <c>tcp://[::1]:9000</c>, <c>unix:///run/app.sock</c>, <c>memory://name</c>, <c>fd://3</c>, <c>systemd:name</c>.</summary>
public sealed record SocketAddressUrl
{
    private const string SystemdPrefix = "systemd:";

    private SocketAddressUrl(string scheme, string host, int port, string path) => (Scheme, Host, Port, Path) = (scheme, host, port, path);

    /// <summary>The scheme in lower case: <c>tcp</c>, <c>unix</c>, <c>memory</c>, …</summary>
    public string Scheme { get; }

    /// <summary>The host of an Internet address, without brackets; the name of an in-memory one or of one that systemd passes; the number of a descriptor; else empty.</summary>
    public string Host { get; }

    /// <summary>The port, 0 to 65535; 0 is any.</summary>
    public int Port { get; }

    /// <summary>The path of a Unix socket, or its abstract name behind an @; else empty.</summary>
    public string Path { get; }

    /// <summary>Reads <paramref name="text"/>, or throws SLU0001 with what is wrong and an example.</summary>
    public static SocketAddressUrl Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith(SystemdPrefix, StringComparison.OrdinalIgnoreCase))
        {
            string name = text[SystemdPrefix.Length..];
            return name.Length > 0 && !name.Contains('/') && !name.Contains(':')
                ? new("systemd", name, 0, "")
                : throw Bad(text, "it has no name of a socket, as in systemd:web for FileDescriptorName=web");
        }

        int separator = text.IndexOf("://", StringComparison.Ordinal);
        if (separator <= 0)
        {
            throw Bad(text, "it has no scheme");
        }

        string scheme = text[..separator].ToLowerInvariant();
        string rest = text[(separator + 3)..];
        if (scheme is "unix" or "unixgram")
        {
            return rest.Length > 1 && (rest[0] is '/' or '@')
                ? new(scheme, "", 0, rest)
                : throw Bad(text, "a Unix socket needs an absolute path, as in unix:///run/app.sock");
        }

        if (scheme is "memory")
        {
            return rest.Length > 0 ? new(scheme, rest, 0, "") : throw Bad(text, "it has no name");
        }

        if (scheme is "fd")
        {
            return int.TryParse(rest, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 2
                ? new(scheme, number.ToString(CultureInfo.InvariantCulture), 0, "")
                : throw Bad(text, "it needs the number of a descriptor that was passed to this process, from 3 on, as in fd://3");
        }

        int colon = rest.LastIndexOf(':');
        if (colon < 0 || rest.EndsWith(']'))
        {
            throw Bad(text, "it has no port");
        }

        string host = rest[..colon];
        if (host.StartsWith('[') != host.EndsWith(']') || (host.Contains(':') && !host.StartsWith('[')))
        {
            throw Bad(text, "an IPv6 address needs brackets, as in tcp://[::1]:9000");
        }

        host = host.StartsWith('[') ? host[1..^1] : host;
        if (host.AsSpan().ContainsAny('[', ']'))
        {
            throw Bad(text, "brackets enclose an IPv6 address and nothing else, as in tcp://[::1]:9000");
        }

        if (host.Length == 0)
        {
            throw Bad(text, "it has no host; use 127.0.0.1 for this machine or 0.0.0.0 for every address");
        }

        if (!int.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port > 65535)
        {
            throw Bad(text, $"'{rest[(colon + 1)..]}' is not a port (0 to 65535)");
        }

        return new(scheme, host, port, "");
    }

    /// <summary>An Internet address of <paramref name="scheme"/> with its real port.</summary>
    public static SocketAddressUrl From(string scheme, IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        return new(scheme, endPoint.Address.ToString(), endPoint.Port, "");
    }

    /// <summary>The address of a socket that somebody else has bound.</summary>
    internal static SocketAddressUrl Of(EndPoint endPoint, TransportKind kind)
    {
        bool isOfStreams = kind == TransportKind.Stream;
        return endPoint is IPEndPoint internet ? From(isOfStreams ? "tcp" : "udp", internet) : new(isOfStreams ? "unix" : "unixgram", "", 0, endPoint.ToString()!);
    }

    /// <summary>The end point of a Unix socket's path, whose abstract names are written with an @. unix(7).</summary>
    internal UnixDomainSocketEndPoint ToUnixEndPoint() => new(Path.StartsWith('@') ? '\0' + Path[1..] : Path);

    /// <summary>
    /// The address to bind or to connect to. <c>localhost</c> is 127.0.0.1, <c>*</c> is every address (IPv6 with IPv4 mapped); another name
    /// is looked up, and its first address taken. Throws SLU0001 for a name that has none.
    /// </summary>
    public IPEndPoint ToIPEndPoint()
    {
        if (Host is "localhost")
        {
            return new(IPAddress.Loopback, Port);
        }

        if (Host is "*")
        {
            return new(IPAddress.IPv6Any, Port);
        }

        if (IPAddress.TryParse(Host, out IPAddress? address))
        {
            return new(address, Port);
        }

        try
        {
            return Dns.GetHostAddresses(Host) is [var first, ..] ? new(first, Port) : throw Bad(ToString(), $"the host '{Host}' has no address");
        }
        catch (SocketException error)
        {
            throw new SluiceException(ErrorIds.BadUrl, $"cannot use '{this}': the host '{Host}' is not known; use an address or a name that resolves", error);
        }
    }

    /// <summary>
    /// Whether only this machine can reach the address: a loopback address, a Unix socket or memory. Of a socket that somebody else has bound that is not known.
    /// </summary>
    public bool IsLocal => Scheme is "unix" or "unixgram" or "memory" || Scheme is not ("fd" or "systemd") && IPAddress.IsLoopback(ToIPEndPoint().Address);

    /// <summary>The URL as it is written.</summary>
    public override string ToString() => Path.Length > 0
        ? $"{Scheme}://{Path}"
        : Scheme is "systemd" ? SystemdPrefix + Host
        : Scheme is "memory" or "fd" ? $"{Scheme}://{Host}"
        : string.Create(CultureInfo.InvariantCulture, $"{Scheme}://{(Host.Contains(':') ? $"[{Host}]" : Host)}:{Port}");

    private static SluiceException Bad(string text, string what) =>
        new(ErrorIds.BadUrl, $"cannot read the URL '{text}': {what}. Examples: tcp://127.0.0.1:9000, tcp://[::1]:9000, unix:///run/app.sock");
}
