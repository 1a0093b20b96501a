using System.CommandLine;
using System.Globalization;
using Sluice.Transports;

namespace Sluice.Cli.Commands;

/// <summary><c>--host</c> and <c>--port</c> of a demo.</summary>
internal sealed class DemoAddress(int defaultPort)
{
    public Option<string?> Port { get; } = new("--port") { HelpName = "N", Description = $"The port; 0 is any free one. [default: {defaultPort}]" };

    public Option<string?> Host { get; } = new("--host") { HelpName = "HOST", Description = "The address; 0.0.0.0 is every one of this machine. [default: 127.0.0.1]" };

    public string ToListen(ParseResult parsed)
    {
        string port = parsed.GetValue(Port) ?? defaultPort.ToString(CultureInfo.InvariantCulture);
        string host = parsed.GetValue(Host) ?? "127.0.0.1";
        return SocketAddressUrl.Parse($"tcp://{(host.Contains(':') && !host.StartsWith('[') ? $"[{host}]" : host)}:{port}").ToString();
    }

    public string ToConnect(ParseResult parsed)
    {
        string url = ToListen(parsed);
        return SocketAddressUrl.Parse(url).Port != 0 ? url : throw new UsageException(ErrorIds.OptionOutOfRange, "--port cannot be 0 for a client; give the server's port");
    }
}
