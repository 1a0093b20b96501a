namespace Sluice.Cli.Handlers;

/// <summary>What Python's <c>bytes.upper()</c> and <c>bytes.strip()</c> do: ASCII only, whatever the other bytes are.</summary>
internal static class AsciiBytes
{
    /// <summary>Copies, a-z changed to A-Z.</summary>
    public static void ToUpper(ReadOnlySpan<byte> source, Span<byte> target)
    {
        for (int i = 0; i < source.Length; i++)
        {
            byte value = source[i];
            target[i] = value is >= (byte)'a' and <= (byte)'z' ? (byte)(value - 32) : value;
        }
    }

    /// <summary>Without the bytes 09-0D and 20 at both ends.</summary>
    public static ReadOnlySpan<byte> Strip(ReadOnlySpan<byte> text) => text.Trim(" \t\n\v\f\r"u8);
}
