using System.Globalization;
using Sluice.Cli.Serving;

namespace Sluice.Cli.Doctor;

/// <summary>One row of /proc/self/limits; <paramref name="Number"/> is the soft limit, null when it is unlimited.</summary>
internal sealed record ProcessLimit(string Soft, string Hard, long? Number);

/// <summary>The limits of this process, which a server started from the same shell would have. proc(5).</summary>
internal static class ProcessLimits
{
    public static ProcessLimit? Find(string name)
    {
        string? row = ProcFile.Text("/proc/self/limits")?.Split('\n').FirstOrDefault(row => row.StartsWith(name, StringComparison.Ordinal));
        return row?[name.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var soft, var hard, ..]
            ? new(soft, hard, long.TryParse(soft, CultureInfo.InvariantCulture, out long number) ? number : null)
            : null;
    }
}
