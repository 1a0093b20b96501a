using System.Globalization;

namespace Sluice.Cli.Tests.Support;

/// <summary>Servers that run a program for each connection, and their processes.</summary>
internal static class Exec
{
    /// <summary>Serves on TCP with <paramref name="options"/>, a line of words; <paramref name="command"/> is taken word by word.</summary>
    public static Task<(SluiceProcess Sluice, int Port)> ServeAsync(string options, params string[] command) =>
        SluiceProcess.ServeAsync(["exec", "--listen", "tcp://127.0.0.1:0", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--", .. command]);

    /// <summary>The ids of the processes that <paramref name="sluice"/> has started and not reaped.</summary>
    public static int[] ChildrenOf(SluiceProcess sluice) =>
        [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(name => ParentOf(name!) == sluice.Process.Id).Select(name => int.Parse(name!, CultureInfo.InvariantCulture))];

    private static int ParentOf(string process)
    {
        try
        {
            // "4711 (a name) S 42 …"
            string stat = char.IsAsciiDigit(process[0]) ? File.ReadAllText($"/proc/{process}/stat") : "";
            return stat.Length > 0 ? int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture) : 0;
        }
        catch (IOException)
        {
            return 0; // it has ended
        }
    }
}
