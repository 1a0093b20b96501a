using System.Globalization;

namespace Sluice.Cli.Settings;

/// <summary>Reads the values of settings. A <see cref="FormatException"/> says what would have been right.</summary>
internal static class SettingValues
{
    private const string DurationExamples = "a duration such as 500ms, 30s, 2m or 1h";

    private static readonly (string Unit, double Milliseconds)[] DurationUnits = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    private static readonly (string Unit, long Bytes)[] SizeUnits = [("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("B", 1), ("", 1)];

    /// <summary>A whole number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public static int Count(string text, int least, int most = int.MaxValue) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most
            ? value
            : throw new FormatException($"a whole number from {least} to {most}");

    /// <summary>A duration that may be zero.</summary>
    public static TimeSpan Duration(string text) => TryDuration(text, out TimeSpan value) ? value : throw new FormatException(DurationExamples);

    /// <summary>A duration above zero, or null for <c>off</c>.</summary>
    public static TimeSpan? DurationOrOff(string text) => text is "off"
        ? null
        : TryDuration(text, out TimeSpan value) && value > TimeSpan.Zero
            ? value
            : throw new FormatException(DurationExamples + ", more than 0 and at most 365 days, or off");

    /// <summary>A number from 1, or null for <c>off</c>.</summary>
    public static int? CountOrOff(string text) => text is "off" ? null : CountFrom1(text);

    /// <summary>Bytes.</summary>
    public static int Size(string text) => TrySize(text, out long value) && value is > 0 and <= int.MaxValue ? (int)value : throw new FormatException("bytes such as 65536, 64KiB or 4MiB");

    /// <summary>Bytes, or null for <c>off</c>.</summary>
    public static long? SizeOrOff(string text) => text is "off" ? null
        : TrySize(text, out long value) && value > 0 ? value : throw new FormatException("bytes such as 65536, 64KiB or 200MiB, or off");

    /// <summary>Bytes per second, or null for <c>off</c>.</summary>
    public static long? RateOrOff(string text) => text is "off"
        ? null
        : TrySize(text.EndsWith("/s", StringComparison.Ordinal) ? text[..^2] : text, out long value) && value > 0
            ? value
            : throw new FormatException("bytes per second such as 1024, 1KiB/s or 2MiB/s, or off");

    /// <summary>Permissions in octal: <c>660</c>, <c>0660</c>.</summary>
    public static UnixFileMode FileMode(string text) =>
        text.Length is 3 or 4 && !text.AsSpan().ContainsAnyExceptInRange('0', '7') && Convert.ToInt32(text, fromBase: 8) is <= 0x1FF and int mode // 0777
            ? (UnixFileMode)mode
            : throw new FormatException("a mode in octal from 000 to 777, such as 0660");

    /// <summary>Users, by number or by name, with commas between them.</summary>
    public static HashSet<uint> Users(string text) => [.. text.Split(',').Select(User)];

    /// <summary>A switch.</summary>
    public static bool Switch(string text) => text switch
    {
        "true" or "1" or "yes" or "on" => true,
        "false" or "0" or "no" or "off" => false,
        _ => throw new FormatException("true or false"),
    };

    /// <summary>One of the given words.</summary>
    public static T Word<T>(string text, params (string Word, T Value)[] words)
    {
        foreach ((string word, T value) in words)
        {
            if (word == text)
            {
                return value;
            }
        }

        throw new FormatException("one of " + string.Join(", ", words.Select(word => word.Word)));
    }

    /// <summary>Bytes: <c>65536</c>, <c>64KiB</c>, <c>1MiB</c>.</summary>
    public static bool TrySize(string text, out long bytes)
    {
        foreach ((string unit, long factor) in SizeUnits)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && long.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long number)
                && number <= long.MaxValue / factor)
            {
                bytes = number * factor;
                return true;
            }
        }

        bytes = 0;
        return false;
    }

    // (uid_t)-1 is nobody.
    private static uint User(string word) =>
        uint.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) && number != uint.MaxValue ? number
        : PasswdFile.Find(word) ?? throw new FormatException($"users such as 0,1000,www-data: '{word}' is neither a number nor a name of {PasswdFile.Name}");

    private static int CountFrom1(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= 1
            ? value
            : throw new FormatException($"a whole number from 1 to {int.MaxValue}, or off");

    private static bool TryDuration(string text, out TimeSpan value)
    {
        foreach ((string unit, double milliseconds) in DurationUnits)
        {
            // "ms" comes before "s" and "m": the number before the unit must be a number and nothing else.
            if (text.EndsWith(unit, StringComparison.Ordinal)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
                && number * milliseconds <= TimeSpan.FromDays(365).TotalMilliseconds)
            {
                value = TimeSpan.FromMilliseconds(number * milliseconds);
                return true;
            }
        }

        value = default;
        return false;
    }
}
