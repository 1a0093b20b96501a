using System.Globalization;

namespace Sluice.Cli.Serving;

/// <summary>Reads what the kernel says in /proc and /sys. A file that is not there is null: kernels and containers differ.</summary>
internal static class ProcFile
{
    /// <summary>The whole text without its last line end.</summary>
    public static string? Text(string path)
    {
        try
        {
            return File.ReadAllText(path).TrimEnd('\n');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The one number in it.</summary>
    public static long? Number(string path) => long.TryParse(Text(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : null;
}
