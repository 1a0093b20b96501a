using System.CommandLine;
using System.CommandLine.Parsing;

namespace Sluice.Cli.Commands;

/// <summary>Turns System.CommandLine's findings into one line. By itself it prints the whole help and exits 1.</summary>
internal static class UsageErrors
{
    public static void ThrowIfAny(ParseResult parsed)
    {
        // --help and --version answer however wrong the rest is.
        bool isMissing = parsed.Errors.Count == 0 && parsed.CommandResult.Parent is null && parsed.Tokens.Count == 0;
        if ((parsed.Errors.Count == 0 && !isMissing) || parsed.Action is { ClearsParseErrors: true })
        {
            return;
        }

        Command command = parsed.CommandResult.Command;
        string help = $"'{PathOf(parsed.CommandResult)} --help' tells more";
        if (parsed.UnmatchedTokens is [var unknown, ..])
        {
            throw new UsageException(command.Subcommands.Count > 0
                ? $"there is no command '{unknown}'; use one of: {Names(command)} ({help})"
                : $"do not know what to do with '{unknown}'; {(command.Name == ExecCommand.Name ? "the program and its arguments come after --; " : "")}{help}");
        }

        throw new UsageException(isMissing || (command.Subcommands.Count > 0 && command.Action is null)
            ? $"a command is missing; use one of: {Names(command)} ({help})"
            : $"{parsed.Errors[0].Message.TrimEnd('.')}; {help}");
    }

    /// <summary>Whether the command line asks for the log level at which errors show where they come from.</summary>
    public static bool AsksForStacks(ParseResult parsed)
    {
        IReadOnlyList<Token> tokens = parsed.Tokens;
        for (int i = 0; i + 1 < tokens.Count; i++)
        {
            if (tokens[i].Value == "--log-level")
            {
                return tokens[i + 1].Value is "debug" or "trace";
            }
        }

        return Environment.GetEnvironmentVariable("SLUICE_LOG_LEVEL") is "debug" or "trace";
    }

    private static string Names(Command command) => string.Join(", ", command.Subcommands.Where(sub => !sub.Hidden).Select(sub => sub.Name));

    private static string PathOf(CommandResult result) => result.Parent is CommandResult parent ? $"{PathOf(parent)} {result.Command.Name}" : result.Command.Name;
}
