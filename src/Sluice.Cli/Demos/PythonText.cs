using System.Net;
using System.Text;

namespace Sluice.Cli.Demos;

/// <summary>Addresses and bytes as the tutorial's Python prints them.</summary>
internal static class PythonText
{
    /// <summary><c>('127.0.0.1', 42606)</c>; an IPv6 address has its flow and scope as well.</summary>
    public static string Address(EndPoint? endPoint) => endPoint switch
    {
        IPEndPoint { AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6 } v6 => $"('{Host(v6)}', {v6.Port}, 0, {v6.Address.ScopeId})",
        IPEndPoint v4 => $"('{v4.Address}', {v4.Port})",
        _ => "''",
    };

    /// <summary>The host of an address alone.</summary>
    public static string Host(EndPoint? endPoint) => endPoint is IPEndPoint { Address: var address }
        ? address.ToString().Split('%')[0]
        : "";

    /// <summary>Bytes as text; those that are not UTF-8 are shown as U+FFFD, where some of the originals die of them.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);
}
