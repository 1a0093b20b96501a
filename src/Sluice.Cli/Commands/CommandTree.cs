using System.CommandLine;
using System.CommandLine.Help;

namespace Sluice.Cli.Commands;

/// <summary>All commands.</summary>
internal static class CommandTree
{
    public static ParseResult Parse(string[] arguments) =>
        // A word that begins with @ is a word (System.CommandLine would read a file), and -abc is not three options.
        Make().Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });

    // Not a RootCommand: that takes its name from the file, which is Sluice.Cli under `dotnet run`.
    private static Command Make()
    {
        Command root = Commands();
        UpgradeAction.AddTo(root);
        return root;
    }

    private static Command Commands() => new("sluice", "Socket servers: one handler, any concurrency model, any transport.")
    {
        ServeCommand.Make(),
        DemoCommand.Make(),
        ConnectCommand.Make(),
        ReceiveCommand.Make(),
        SendCommand.Make(),
        ModelsCommand.Make(),
        DoctorCommand.Make(),
        new HelpOption(),
        new VersionOption(),
    };
}
