using System.Buffers.Binary;
using System.Text;

namespace Sluice.Files;

/// <summary>The header before each file of v1, Python's <c>struct.pack('36sl', name, size)</c>, in either layout.</summary>
public static class V1Header
{
    /// <summary>Bytes of the name field. A name may fill all of them, with no NUL at its end.</summary>
    public const int NameLength = 36;

    /// <summary>Bytes of a header in <see cref="V1Layout.Bytes40"/>.</summary>
    public const int ShortLength = 40;

    /// <summary>Bytes of a header in <see cref="V1Layout.Bytes48"/>.</summary>
    public const int LongLength = 48;

    private const int WideSizeOffset = 40;

    /// <summary>Bytes of a header in <paramref name="layout"/>, which is not Auto.</summary>
    public static int Length(V1Layout layout) => layout switch
    {
        V1Layout.Bytes40 => ShortLength,
        V1Layout.Bytes48 => LongLength,
        _ => throw new ArgumentOutOfRangeException(nameof(layout), layout, "a header has one of the two layouts"),
    };

    /// <summary>The largest size that <paramref name="layout"/> can say, in bytes.</summary>
    public static long MaxSize(V1Layout layout) => Length(layout) == ShortLength ? int.MaxValue : long.MaxValue;

    /// <summary>The name's bytes, NULs stripped at both ends; one inside is kept. Not checked.</summary>
    public static ReadOnlySpan<byte> Name(ReadOnlySpan<byte> header) => header[..NameLength].Trim((byte)0);

    /// <summary>The size as it stands in a whole header: any value, also a negative one.</summary>
    public static long Size(ReadOnlySpan<byte> header, V1Layout layout) => Length(layout) == ShortLength
        ? BinaryPrimitives.ReadInt32LittleEndian(header[NameLength..])
        : BinaryPrimitives.ReadInt64LittleEndian(header[WideSizeOffset..]);

    /// <summary>Writes the header of one file to <paramref name="destination"/>, and returns its length.</summary>
    /// <param name="name">At most 36 bytes of UTF-8, at least one, no NUL: else SLU0412.</param>
    /// <param name="size">0 to <see cref="MaxSize"/>: else SLU0403.</param>
    /// <param name="layout">Either layout.</param>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    public static int Encode(string name, long size, V1Layout layout, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(name);
        CheckName(name)?.ToException().Throw();
        CheckSize(name, size, layout)?.ToException().Throw();

        Span<byte> header = destination[..Length(layout)];
        header.Clear();
        Encoding.UTF8.GetBytes(name, header[..NameLength]);
        if (layout == V1Layout.Bytes40)
        {
            BinaryPrimitives.WriteInt32LittleEndian(header[NameLength..], (int)size);
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(header[WideSizeOffset..], size);
        }

        return header.Length;
    }

    /// <summary>Whether a header can carry <paramref name="name"/>; null, or why not.</summary>
    internal static Refusal? CheckName(string name)
    {
        int length = Encoding.UTF8.GetByteCount(name);
        return length switch
        {
            0 => new(FileErrorIds.NameDoesNotFit, "cannot send a file without a name"),
            > NameLength => new(FileErrorIds.NameDoesNotFit, $"cannot send {Quoted.Text(name)}: its name has {length} bytes and v1 carries {NameLength}; rename or link it to a shorter name"),
            _ when name.Contains('\0') => new(FileErrorIds.NameDoesNotFit, $"cannot send {Quoted.Text(name)}: its name holds a NUL"),
            _ => null,
        };
    }

    /// <summary>Whether a header can carry <paramref name="size"/>; null, or why not.</summary>
    internal static Refusal? CheckSize(string name, long size, V1Layout layout) => size < 0 || size > MaxSize(layout)
        ? new(FileErrorIds.SizeOutOfRange, $"cannot send {Quoted.Text(name)}: a {Length(layout)}-byte header carries sizes from 0 to {MaxSize(layout)}, not {size}{(size > int.MaxValue ? "; use the 48-byte layout" : "")}")
        : null;

    private static void Throw(this SluiceException error) => throw error;
}
