using System.Globalization;
using Sluice.Cli.Serving;

namespace Sluice.Cli.Doctor;

/// <summary>The counters of /proc/net/netstat: a line of names and a line of values for each group.</summary>
internal static class NetworkCounters
{
    public static long? Find(string name)
    {
        string[] lines = (ProcFile.Text("/proc/net/netstat") ?? "").Split('\n');
        for (int i = 0; i + 1 < lines.Length; i += 2)
        {
            int column = Array.IndexOf(lines[i].Split(' '), name);
            string[] values = lines[i + 1].Split(' ');
            if (column > 0 && column < values.Length && long.TryParse(values[column], CultureInfo.InvariantCulture, out long value))
            {
                return value;
            }
        }

        return null;
    }
}
