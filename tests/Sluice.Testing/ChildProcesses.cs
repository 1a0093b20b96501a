using System.Diagnostics;
using System.Globalization;

namespace Sluice.Testing;

/// <summary>The processes below one, as /proc has them.</summary>
public static class ChildProcesses
{
    /// <summary>The children of a process, those included that have ended and were not reaped.</summary>
    public static int[] Of(int parent) =>
    [
        .. Directory.GetDirectories("/proc").Select(path => Path.GetFileName(path))
            .Where(name => int.TryParse(name, CultureInfo.InvariantCulture, out int _)).Select(name => int.Parse(name, CultureInfo.InvariantCulture))
            .Where(pid => Stat(pid) is { } stat && stat.Parent == parent),
    ];

    /// <summary>Whether a process is there and has not ended.</summary>
    public static bool IsAlive(int pid) => Stat(pid) is { State: not 'Z' };

    /// <summary>Sends a signal by kill(1).</summary>
    public static void Signal(int pid, string name)
    {
        using Process kill = Process.Start("kill", ["-s", name, $"{pid}"]);
        kill.WaitForExit();
    }

    // pid (name with anything) state parent …
    private static (char State, int Parent)? Stat(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            string[] rest = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (rest[0][0], int.Parse(rest[1], CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            return null; // it is gone
        }
    }
}
