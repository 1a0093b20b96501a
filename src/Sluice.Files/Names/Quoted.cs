using System.Globalization;
using System.Text;

namespace Sluice.Files;

/// <summary>A peer's text, made safe for one line of a terminal or a log.</summary>
internal static class Quoted
{
    /// <summary><paramref name="text"/> between quotes; characters that would act rather than show are written as <c>\u001B</c>.</summary>
    public static string Text(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('\'');
        foreach (char c in text)
        {
            if (Acts(c))
            {
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            }
            else
            {
                quoted.Append(c);
            }
        }

        return quoted.Append('\'').ToString();
    }

    /// <summary>Bytes that may not be UTF-8: what is not shows as U+FFFD.</summary>
    public static string Bytes(ReadOnlySpan<byte> bytes) => Text(Encoding.UTF8.GetString(bytes));

    /// <summary>C0, DEL, C1, line and paragraph separators, and the marks that turn the direction of what follows.</summary>
    public static bool Acts(char c) => char.IsControl(c)
        || c is '\u061C' or '\u200E' or '\u200F' or '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069') or '\uFEFF';
}
