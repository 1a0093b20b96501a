using System.CommandLine;
using Sluice.Cli.Clients;
using Sluice.Cli.Settings;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice connect URL</c></summary>
internal static class ConnectCommand
{
    public static Command Make()
    {
        var url = new Argument<string>("URL") { Description = "Whom to talk to: tcp://HOST:PORT or unix:///PATH." };
        var times = new Option<string?>("--times") { HelpName = "N", Description = "Stop after so many lines. [default: when nobody types any more]" };
        var line = new Option<bool>("--line") { Description = "Send each line with its end, and read the answer up to its line end. [default: what one receive of 1024 bytes returns]" };
        var language = new LanguageOption();
        var command = new Command("connect", "Type a line, see the answer. Lines may also come from a pipe.") { url, times, line, language.Option };
        command.SetAction((parsed, _) =>
        {
            int? most = null;
            if (parsed.GetValue(times) is { } text)
            {
                try
                {
                    most = SettingValues.Count(text, 1);
                }
                catch (FormatException expected)
                {
                    throw new UsageException(ErrorIds.OptionOutOfRange, $"--times cannot be '{text}'; give {expected.Message}");
                }
            }

            string to = Addresses.Parse(parsed.GetValue(url)!).ToString();
            return LineClient.RunAsync(to, most, parsed.GetValue(line), language.Value(parsed));
        });
        return command;
    }
}
