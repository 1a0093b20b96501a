namespace Sluice.Testing;

/// <summary>Bytes whose place can be told from their value, so that lost, doubled and mixed ones are seen.</summary>
public static class Payload
{
    /// <summary>Makes <paramref name="count"/> bytes; another <paramref name="seed"/>, other bytes.</summary>
    public static byte[] Make(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Compares many bytes in little time.</summary>
    public static bool Same(byte[] one, byte[] other) => one.AsSpan().SequenceEqual(other);

    /// <summary>Cuts <paramref name="bytes"/> into slices of random length, 1 to <paramref name="longest"/>.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Slices(ReadOnlyMemory<byte> bytes, int longest, int seed)
    {
        var random = new Random(seed);
        while (bytes.Length > 0)
        {
            int length = Math.Min(random.Next(1, longest + 1), bytes.Length);
            yield return bytes[..length];
            bytes = bytes[length..];
        }
    }
}
