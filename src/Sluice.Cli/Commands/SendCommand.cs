using System.CommandLine;
using Sluice.Cli.Clients;
using Sluice.Cli.Files;
using Sluice.Files;
using Sluice.Transports;
using FileOptions = Sluice.Cli.Files.FileOptions;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice send --v1 URL FILE...</c></summary>
internal static class SendCommand
{
    public static Command Make()
    {
        var url = new Argument<string>("URL") { Description = "The receiver: tcp://HOST:PORT or unix:///PATH." };
        var files = new Argument<string[]>("FILE") { Arity = ArgumentArity.ZeroOrMore, Description = "What to send; without any, paths are asked for one after another, as the tutorial's client does." };
        Option<bool> v1 = FileOptions.V1();
        Option<bool> insecure = FileOptions.Insecure();
        Option<string?> layout = FileOptions.Layout(canTell: false);
        var language = new LanguageOption();
        var command = new Command("send", "Send files to a receiver, over one connection.") { url, files, v1, insecure, layout, language.Option };
        command.SetAction((parsed, _) =>
        {
            FileOptions.RequireV1(parsed.GetValue(v1), "send");
            SocketAddressUrl to = Addresses.Parse(parsed.GetValue(url)!);
            FileOptions.CheckConnect(to, parsed.GetValue(insecure));
            string[] paths = parsed.GetValue(files) ?? [];
            RefuseOptionsAmong(paths);
            var options = new FileSenderOptions { Layout = FileOptions.LayoutValue(parsed.GetValue(layout), canTell: false) };
            return paths.Length == 0
                ? FilesClient.RunAsync(to.ToString(), options, language.Value(parsed))
                : FileSending.RunAsync(to.ToString(), paths, options, language.Value(parsed));
        });
        return command;
    }

    // An argument that takes every word takes mistyped options as well. A file of such a name can be given as ./--name.
    private static void RefuseOptionsAmong(string[] paths)
    {
        if (Array.Find(paths, path => path.StartsWith("--", StringComparison.Ordinal)) is { } option)
        {
            throw new UsageException($"there is no option '{option}' ('sluice send --help' tells more); a file of that name is ./{option}");
        }
    }
}
