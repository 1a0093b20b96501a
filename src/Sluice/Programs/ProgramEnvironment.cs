using System.Collections;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Native;
using Sluice.Workers;

namespace Sluice.Programs;

/// <summary>
/// The environment of a program that serves a connection: ours, and who is at both ends, in the variables of UCSPI
/// (https://cr.yp.to/ucspi-tcp/environment.html, ucspi-unix). Variables that tell of another connection are left out: this process may itself have been
/// started for one.
/// </summary>
internal sealed class ProgramEnvironment
{
    private static readonly string[] Prefixes =
        ["TCPREMOTE", "TCPLOCAL", "TCP6REMOTE", "TCP6LOCAL", "TCPCONNNUM", "TCP6CONNNUM", "UNIXREMOTE", "UNIXLOCAL", "IPCREMOTE", "IPCLOCAL", "IPCCONNNUM", "SSLREMOTE", "SSLLOCAL"];

    private readonly byte[][] _inherited;

    private ProgramEnvironment(byte[][] inherited) => _inherited = inherited;

    /// <summary>From this process's environment, as it is now. A worker's program is no worker.</summary>
    public static ProgramEnvironment OfThis() => new(
    [
        .. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Where(variable => (string)variable.Key != WorkerRole.Variable && !TellsOfAConnection((string)variable.Key))
            .Select(variable => Text((string)variable.Key, (string?)variable.Value)),
    ]);

    /// <summary>The whole environment for a connection. What is not known of it is left out.</summary>
    public IReadOnlyList<byte[]> For(ConnectionContext connection, PeerCredentials? peer)
    {
        var all = new List<byte[]>(_inherited.Length + 5);
        all.AddRange(_inherited);
        if (connection.LocalEndPoint is UnixDomainSocketEndPoint path)
        {
            all.Add(Text("PROTO", "UNIX"));
            all.Add(Text("UNIXLOCALPATH", path.ToString()));
            if (peer is { } credentials)
            {
                all.Add(Text("UNIXREMOTEEUID", Text(credentials.User)));
                all.Add(Text("UNIXREMOTEEGID", Text(credentials.Group)));
                all.Add(Text("UNIXREMOTEPID", Text(credentials.Process)));
            }
        }
        else
        {
            all.Add(Text("PROTO", "TCP"));
            Add(all, "TCPLOCAL", connection.LocalEndPoint);
            Add(all, "TCPREMOTE", connection.RemoteEndPoint);
        }

        return all;
    }

    private static bool TellsOfAConnection(string name) => name == "PROTO" || Array.Exists(Prefixes, prefix => name.StartsWith(prefix, StringComparison.Ordinal));

    private static void Add(List<byte[]> all, string end, EndPoint? endPoint)
    {
        if (endPoint is IPEndPoint { Address: var address, Port: var port })
        {
            // Without the scope of a link-local address, which inet_pton(3) does not take.
            all.Add(Text(end + "IP", new IPAddress(address.GetAddressBytes()).ToString()));
            all.Add(Text(end + "PORT", Text(port)));
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static byte[] Text(string name, string? value) => Encoding.UTF8.GetBytes($"{name}={value}");
}
