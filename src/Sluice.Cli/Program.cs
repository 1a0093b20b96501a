using System.CommandLine;
using Sluice.Cli.Commands;
using Sluice.Cli.Terminal;

namespace Sluice.Cli;

/// <summary>The <c>sluice</c> command: parses, runs, and turns what goes wrong into one line and an exit code.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments)
    {
        ParseResult parsed = CommandTree.Parse(arguments);
        try
        {
            UsageErrors.ThrowIfAny(parsed);

            // Signals and exceptions are ours: a drain takes longer than System.CommandLine's two seconds, and no stack trace may show.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception error)
        {
            Lines.Error(error, withStack: UsageErrors.AsksForStacks(parsed));
            return ExitCodes.For(error);
        }
    }
}
