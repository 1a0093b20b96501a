using System.CommandLine;
using System.CommandLine.Help;

namespace Sluice.Cli.Commands;

/// <summary>All commands.</summary>
internal static class CommandTree
{
    public static ParseResult Parse(string[] arguments)
    {
        (string[] own, string[]? program) = ExecCommand.Split(arguments);

        // A word that begins with @ is a word (System.CommandLine would read a file), and -abc is not three options.
        return Make(program).Parse(own, new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });
    }

    // Not a RootCommand: that takes its name from the file, which is Sluice.Cli under `dotnet run`.
    private static Command Make(string[]? program)
    {
        Command root = Commands(program);
        UpgradeAction.AddTo(root);
        return root;
    }

    private static Command Commands(string[]? program) => new("sluice", "Socket servers: one handler, any concurrency model, any transport.")
    {
        ServeCommand.Make(),
        ExecCommand.Make(program),
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
