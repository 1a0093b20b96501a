using System.Globalization;
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

    /// <summary>Bytes as Python's <c>repr</c> shows them: <c>b'HELLO\n'</c>. The quote is <c>"</c> when they hold a <c>'</c> and no <c>"</c>.</summary>
    public static string Repr(ReadOnlySpan<byte> bytes)
    {
        char quote = bytes.Contains((byte)'\'') && !bytes.Contains((byte)'"') ? '"' : '\'';
        var text = new StringBuilder(bytes.Length + 3).Append('b').Append(quote);
        foreach (byte value in bytes)
        {
            _ = value switch
            {
                (byte)'\n' => text.Append(@"\n"),
                (byte)'\r' => text.Append(@"\r"),
                (byte)'\t' => text.Append(@"\t"),
                (byte)'\\' => text.Append(@"\\"),
                _ when value == quote => text.Append('\\').Append(quote),
                >= 0x20 and < 0x7F => text.Append((char)value),
                _ => text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}"),
            };
        }

        return text.Append(quote).ToString();
    }

    /// <summary>A TCP socket as Python's <c>repr</c> shows it; a listener has no peer.</summary>
    public static string Socket(int descriptor, EndPoint? local, EndPoint? remote)
    {
        string family = local?.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? "AF_INET6" : "AF_INET";
        string peer = remote is null ? "" : $", raddr={Address(remote)}";
        return $"<socket.socket fd={descriptor}, family=AddressFamily.{family}, type=SocketKind.SOCK_STREAM, proto=0, laddr={Address(local)}{peer}>";
    }
}
