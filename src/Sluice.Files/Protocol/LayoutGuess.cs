using System.Buffers.Binary;

namespace Sluice.Files;

internal enum LayoutVerdict
{
    NeedMore,
    Bytes40,
    Bytes48,
    CutShort,
}

/// <summary>
/// Tells the two header layouts apart. The 40-byte one has its size at byte 36, where the 48-byte one has four bytes of zero padding; only
/// an empty file leaves both possible, and then the bytes behind decide.
/// </summary>
internal static class LayoutGuess
{
    /// <summary>Decides for a header.</summary>
    /// <param name="known">The layout of this connection, or Auto.</param>
    /// <param name="head">The header's first 40 bytes.</param>
    /// <param name="rest">What follows them, at most 40 bytes.</param>
    /// <param name="ended">Nothing more will follow.</param>
    /// <param name="maxSize">The largest size that is believed.</param>
    public static LayoutVerdict Of(V1Layout known, ReadOnlySpan<byte> head, ReadOnlySpan<byte> rest, bool ended, long maxSize)
    {
        const int wideSize = V1Header.LongLength - V1Header.ShortLength;
        if (known == V1Layout.Bytes40 || (known == V1Layout.Auto && head[V1Header.NameLength..V1Header.ShortLength].ContainsAnyExcept((byte)0)))
        {
            return LayoutVerdict.Bytes40;
        }

        if (rest.Length < wideSize)
        {
            // 40 bytes and the end are a whole header of an empty file; one to seven more are somebody's broken header: nothing is published.
            return !ended ? LayoutVerdict.NeedMore
                : rest.IsEmpty && known == V1Layout.Auto ? LayoutVerdict.Bytes40
                : LayoutVerdict.CutShort;
        }

        if (known == V1Layout.Bytes48)
        {
            return LayoutVerdict.Bytes48;
        }

        // Are these eight bytes a size, or the beginning of the next 40-byte header ("report.p" reads as 8.1e18, "a" as 97)?
        long size = BinaryPrimitives.ReadInt64LittleEndian(rest);
        if (!V1Name.CanBegin(rest))
        {
            return LayoutVerdict.Bytes48; // a size that is out of range is refused as such
        }

        if (rest.Length == V1Header.ShortLength)
        {
            return LayoutVerdict.Bytes40;
        }

        bool isSize = size >= 0 && size <= maxSize;
        return !ended ? LayoutVerdict.NeedMore : isSize ? LayoutVerdict.Bytes48 : LayoutVerdict.Bytes40;
    }
}
