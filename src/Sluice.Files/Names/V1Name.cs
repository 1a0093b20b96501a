using System.Text;

namespace Sluice.Files;

/// <summary>A name as it came in a v1 header, and what it comes to here.</summary>
internal sealed record V1Name
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The name as the sender wrote it, NULs stripped at both ends.</summary>
    public required string AsSent { get; init; }

    /// <summary>The last component, checked: the name of the stored file.</summary>
    public required string Stored { get; init; }

    /// <summary>It filled the whole field, so the sender may have cut it.</summary>
    public required bool MayBeCut { get; init; }

    /// <summary>Reads the name field, 36 bytes.</summary>
    /// <returns>Null when it is refused, with the reason in <paramref name="refusal"/>.</returns>
    public static V1Name? Read(ReadOnlySpan<byte> field, out Refusal? refusal)
    {
        ReadOnlySpan<byte> bytes = V1Header.Name(field);
        bool full = bytes.Length == V1Header.NameLength;
        if (bytes.IsEmpty)
        {
            refusal = new(FileErrorIds.BadHeader, "refused a header without a name: the sender does not speak the v1 file protocol");
            return null;
        }

        if (bytes.Contains((byte)0))
        {
            refusal = new(FileErrorIds.BadHeader, $"refused the name {Quoted.Bytes(bytes)}: it holds a NUL, so the sender does not speak the v1 file protocol");
            return null;
        }

        if (full && ForeignProtocol.Begins(bytes))
        {
            refusal = new(FileErrorIds.BadHeader, $"refused {Quoted.Bytes(bytes)}: the sender speaks another protocol than v1 files");
            return null;
        }

        // A sender that cuts at 36 bytes may cut inside a character: what is left of that one is dropped.
        if (full)
        {
            bytes = bytes[..^IncompleteTail(bytes)];
        }

        string asSent;
        try
        {
            asSent = Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            refusal = new(FileErrorIds.BadName, $"refused the name {Quoted.Bytes(bytes)}: it is not UTF-8; have the sender encode names as UTF-8");
            return null;
        }

        string stored = asSent[(asSent.AsSpan().LastIndexOfAny('/', '\\') + 1)..];
        string? wrong = StoredName.WhatIsWrong(stored) ?? (asSent.Any(Quoted.Acts) ? "its path holds a control character" : null);
        refusal = wrong is null ? null : new(FileErrorIds.BadName, $"refused the name {Quoted.Text(asSent)}: {wrong}; rename the file at the sender");
        return wrong is null ? new V1Name { AsSent = asSent, Stored = stored, MayBeCut = full } : null;
    }

    /// <summary>
    /// Whether <paramref name="bytes"/>, up to a whole 40-byte header, can be the beginning of one: a name of printable UTF-8, then NULs up
    /// to byte 35. Tells the two layouts apart.
    /// </summary>
    public static bool CanBegin(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> field = bytes[..Math.Min(bytes.Length, V1Header.NameLength)];
        int end = field.IndexOf((byte)0);
        ReadOnlySpan<byte> name = end < 0 ? field : field[..end];
        if (name.IsEmpty || (end >= 0 && field[end..].ContainsAnyExcept((byte)0)))
        {
            return false;
        }

        if (end < 0)
        {
            name = name[..^IncompleteTail(name)];
        }

        while (!name.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(name, out Rune rune, out int length) != System.Buffers.OperationStatus.Done || Rune.IsControl(rune))
            {
                return false;
            }

            name = name[length..];
        }

        return true;
    }

    /// <summary>Bytes at the end that begin a character and do not finish it: 0 to 3.</summary>
    private static int IncompleteTail(ReadOnlySpan<byte> bytes)
    {
        for (int back = 1; back <= Math.Min(3, bytes.Length); back++)
        {
            if ((bytes[^back] & 0xC0) != 0x80)
            {
                return Rune.DecodeFromUtf8(bytes[^back..], out _, out _) == System.Buffers.OperationStatus.NeedMoreData ? back : 0;
            }
        }

        return 0;
    }
}
