using System.CommandLine;
using Sluice.Cli.Clients;
using Sluice.Cli.Settings;
using Sluice.Transports;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice connect URL</c></summary>
internal static class ConnectCommand
{
    public static Command Make()
    {
        var url = new Argument<string>("URL") { Description = "Whom to talk to: tcp://HOST:PORT, unix:///PATH, udp://HOST:PORT or unixgram:///PATH. With the last two each line is a datagram, and so is its answer." };
        var times = new Option<string?>("--times") { HelpName = "N", Description = "Stop after so many lines. [default: when nobody types any more]" };
        var line = new Option<bool>("--line") { Description = "Send each line with its end, and read the answer up to its line end. [default: what one receive of 1024 bytes returns]" };
        var timeout = new Option<string>("--timeout") { HelpName = "TIME", Description = "How long to wait for the answer to a datagram.", DefaultValueFactory = _ => "5s" };
        var language = new LanguageOption();
        var command = new Command("connect", "Type a line, see the answer. Lines may also come from a pipe.") { url, times, line, timeout, language.Option };
        command.SetAction((parsed, _) =>
        {
            int? most = parsed.GetValue(times) is { } text ? Value("--times", text, one => SettingValues.Count(one, 1)) : null;
            TimeSpan patience = Value("--timeout", parsed.GetValue(timeout)!, SettingValues.Duration);
            SocketAddressUrl to = Addresses.Parse(parsed.GetValue(url)!);
            if (to.Scheme is "udp" or "unixgram")
            {
                return DatagramClient.RunAsync(to, most, parsed.GetValue(line), patience, language.Value(parsed));
            }

            if (parsed.GetResult(timeout) is { Implicit: false })
            {
                throw new UsageException(ErrorIds.OptionNotHonoured, $"--timeout is for the answers to datagrams (udp://, unixgram://), and {to} is a stream; leave it out");
            }

            return LineClient.RunAsync(to.ToString(), most, parsed.GetValue(line), language.Value(parsed));
        });
        return command;
    }

    private static T Value<T>(string option, string text, Func<string, T> read)
    {
        try
        {
            return read(text);
        }
        catch (FormatException expected)
        {
            throw new UsageException(ErrorIds.OptionOutOfRange, $"{option} cannot be '{text}'; give {expected.Message}");
        }
    }
}
