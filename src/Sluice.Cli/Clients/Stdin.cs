using System.Text;

namespace Sluice.Cli.Clients;

/// <summary>What a person types, or a pipe brings: UTF-8 lines. Not Console.In, which sets the terminal up.</summary>
internal static class Stdin
{
    private static readonly StreamReader Reader = new(Console.OpenStandardInput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));

    /// <summary>Whether a person types.</summary>
    public static bool IsTerminal => !Console.IsInputRedirected;

    /// <summary>The next line without its end, or null when there is none.</summary>
    public static ValueTask<string?> ReadLineAsync() => Reader.ReadLineAsync(CancellationToken.None);
}
