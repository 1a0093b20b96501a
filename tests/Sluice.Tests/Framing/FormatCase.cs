using System.Buffers;
using CsCheck;
using Sluice.Framing;

namespace Sluice.Tests.Framing;

/// <summary>A format, and by other means than its own code which frames it can carry.</summary>
/// <param name="Format">The format.</param>
/// <param name="Around">The most bytes that it puts around a frame.</param>
/// <param name="Carries">Whether a frame of a good size can be written.</param>
internal sealed record FormatCase(FrameFormat Format, int Around, Func<byte[], bool> Carries)
{
    public const int Max = 300; // so that a varint has one byte or two

    private static readonly Dictionary<string, FormatCase> All = Make();

    public static TheoryData<string> Names => [.. All.Keys];

    /// <summary>Bytes that mean something to one of the formats, and others.</summary>
    private static readonly Gen<byte> Byte = Gen.OneOf(Gen.OneOf("\r\n0129:,;a\0\x01\x02"u8.ToArray()), Gen.OneOf((byte)0x80, (byte)0xFF), Gen.Byte);

    /// <summary>Frames of any size, now and then too long.</summary>
    public Gen<byte[]> Frame => Format is FixedSizeFraming
        ? Gen.Frequency((9, Byte.Array[Format.MaxFrame]), (1, Byte.Array[0, 20]))
        : Gen.Frequency((6, Byte.Array[0, 12]), (2, Byte.Array[100, 140]), (1, Byte.Array[Max - 20, Max + 20]));

    /// <summary>Frames, rubbish, and what is left when bytes are lost.</summary>
    public Gen<byte[]> Stream => Gen.OneOf(
            Frame.Array[0, 5].Select(Encoded),
            Byte.Array[0, 40],
            Gen.Select(Frame.Array[1, 3].Select(Encoded), Gen.Int[0, 200]).Select((bytes, cut) => bytes[..Math.Min(cut, bytes.Length)]),
            Gen.Const(new byte[Max * 2]))
        .Array[0, 4].Select(parts => parts.SelectMany(part => part).ToArray());

    public static FormatCase Of(string name) => All[name];

    /// <summary>The frames that can be written, one behind the other.</summary>
    public byte[] Encoded(IEnumerable<byte[]> frames)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (byte[] frame in frames.Where(CanWrite))
        {
            Format.Write(bytes, frame);
        }

        return bytes.WrittenSpan.ToArray();
    }

    public bool CanWrite(byte[] frame) => frame.Length <= Format.MaxFrame && Carries(frame);

    private static Dictionary<string, FormatCase> Make()
    {
        var all = new Dictionary<string, FormatCase>(StringComparer.Ordinal)
        {
            ["lines, LF"] = new(new LineFraming(maxFrame: Max), 2, frame => !frame.Contains((byte)'\n') && frame is not [.., (byte)'\r']),
            ["lines, CR LF"] = new(new LineFraming(LineEnding.CrLf, maxFrame: Max), 2, frame => !frame.Contains((byte)'\n')),
            ["lines, strict LF"] = new(new LineFraming(strict: true, maxFrame: Max), 1, frame => !frame.Contains((byte)'\n')),
            ["lines, strict CR LF"] = new(new LineFraming(LineEnding.CrLf, strict: true, maxFrame: Max), 2, frame => !frame.Contains((byte)'\n') && !frame.Contains((byte)'\r')),
            ["netstrings"] = new(new NetstringFraming(Max), 5, _ => true),
        };
        foreach (string delimiter in (string[])["\0", "aa", ",a,", "\r\n\r\n", "a,aa,a"])
        {
            byte[] bytes = [.. delimiter.Select(letter => (byte)letter)];
            all[$"delimiter {Convert.ToHexString(bytes)}"] = new(new DelimiterFraming(bytes, Max), bytes.Length,
                frame => ((byte[])[.. frame, .. bytes]).AsSpan().IndexOf(bytes) == frame.Length);
        }

        foreach (int size in (int[])[1, 7, 64])
        {
            all[$"{size} bytes"] = new(new FixedSizeFraming(size), 0, frame => frame.Length == size);
        }

        foreach (LengthPrefix prefix in Enum.GetValues<LengthPrefix>())
        {
            all[$"{prefix}"] = new(new LengthPrefixFraming(prefix, maxFrame: Max), 10, _ => true);
            all[$"{prefix} that counts itself"] = new(new LengthPrefixFraming(prefix, includesPrefix: true, Max), 10, _ => true);
        }

        return all;
    }
}
