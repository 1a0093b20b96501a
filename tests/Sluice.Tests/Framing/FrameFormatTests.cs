using System.Buffers;
using System.Diagnostics;
using System.Text;
using Sluice.Framing;
using Sluice.Tests.Support;

namespace Sluice.Tests.Framing;

/// <summary>Each format, byte by byte as it is on the wire.</summary>
public sealed class FrameFormatTests
{
    [Theory]
    [InlineData(LineEnding.Lf, false, "a\nb\r\n\n\r\nc\rd\n", "a|b|||c\rd")]
    [InlineData(LineEnding.CrLf, false, "a\nb\r\n\n\r\nc\rd\n", "a|b|||c\rd")]
    [InlineData(LineEnding.Lf, true, "a\nb\r\n\n\r\n", "a|b\r||\r")]
    [InlineData(LineEnding.CrLf, true, "a\r\n\r\nb\r\n", "a||b")]
    public void Lines_are_read(LineEnding ending, bool strict, string stream, string lines) =>
        Assert.Equal(lines, Frames(new LineFraming(ending, strict), stream));

    [Theory]
    [InlineData("a\n")]
    [InlineData("\n")]
    [InlineData("a\rb\r\n")]
    [InlineData("a\r\r\n")]
    public void Strict_lines_have_no_lone_CR_or_LF(string stream) =>
        Assert.Equal(FramingError.Malformed, Fails(new LineFraming(LineEnding.CrLf, strict: true), stream));

    [Theory]
    [InlineData(LineEnding.Lf, "ab\n")]
    [InlineData(LineEnding.CrLf, "ab\r\n")]
    public void Lines_are_written(LineEnding ending, string stream) => Assert.Equal(stream, Written(new LineFraming(ending), "ab"));

    [Theory]
    [InlineData("abc\n", "abc")]
    [InlineData("abc\r\n", "abc")]
    [InlineData("abcd\n", null)]
    [InlineData("abcd", "")] // it might be a CR of the end that follows, as far as the length says
    [InlineData("abcde", null)]
    public void The_end_of_a_line_does_not_count(string stream, string? lines)
    {
        var three = new LineFraming(maxFrame: 3);
        if (lines is null)
        {
            Assert.Equal(FramingError.TooLong, Fails(three, stream));
        }
        else
        {
            Assert.Equal(lines, Frames(three, stream));
        }
    }

    [Fact]
    public void A_delimiter_may_be_any_bytes()
    {
        Assert.Equal("a|b|", Frames(new DelimiterFraming("--"u8), "a--b----"));
        Assert.Equal("ab\0", Written(new DelimiterFraming([0]), "ab"));
        Assert.Throws<ArgumentException>(() => new DelimiterFraming([]));
    }

    [Fact]
    public void A_delimiter_is_not_changed_from_outside()
    {
        byte[] mine = [(byte)';'];
        var format = new DelimiterFraming(mine);
        mine[0] = (byte)'a';
        Assert.Equal("xa", Frames(format, "xa;"));
    }

    [Fact]
    public void Frames_of_a_fixed_size_follow_each_other() => Assert.Equal("abc|def", Frames(new FixedSizeFraming(3), "abcdefg"));

    [Theory]
    [InlineData(LengthPrefix.Byte, false, "02")]
    [InlineData(LengthPrefix.Byte, true, "03")]
    [InlineData(LengthPrefix.UInt16BigEndian, false, "0002")]
    [InlineData(LengthPrefix.UInt16BigEndian, true, "0004")]
    [InlineData(LengthPrefix.UInt16LittleEndian, false, "0200")]
    [InlineData(LengthPrefix.UInt16LittleEndian, true, "0400")]
    [InlineData(LengthPrefix.UInt32BigEndian, false, "00000002")]
    [InlineData(LengthPrefix.UInt32BigEndian, true, "00000006")]
    [InlineData(LengthPrefix.UInt32LittleEndian, false, "02000000")]
    [InlineData(LengthPrefix.UInt32LittleEndian, true, "06000000")]
    [InlineData(LengthPrefix.UInt64BigEndian, false, "0000000000000002")]
    [InlineData(LengthPrefix.UInt64BigEndian, true, "000000000000000A")]
    [InlineData(LengthPrefix.UInt64LittleEndian, false, "0200000000000000")]
    [InlineData(LengthPrefix.UInt64LittleEndian, true, "0A00000000000000")]
    [InlineData(LengthPrefix.Varint, false, "02")]
    [InlineData(LengthPrefix.Varint, true, "03")]
    public void A_length_is_written_as_it_is_read(LengthPrefix prefix, bool includesPrefix, string bytes)
    {
        var format = new LengthPrefixFraming(prefix, includesPrefix);
        Assert.Equal(bytes + "6869", Convert.ToHexString(Encoding.Latin1.GetBytes(Written(format, "hi"))));
        Assert.Equal("hi", Frames(format, Encoding.Latin1.GetString(Convert.FromHexString(bytes + "6869"))));
    }

    [Theory]
    [InlineData(127, false, "7F")]
    [InlineData(128, false, "8001")]
    [InlineData(300, false, "AC02")] // the example of Protocol Buffers, Encoding
    [InlineData(16384, false, "808001")]
    [InlineData(126, true, "7F")]
    [InlineData(127, true, "8101")]
    [InlineData(16381, true, "FF7F")]
    [InlineData(16382, true, "818001")]
    public void A_varint_is_as_short_as_can_be(int length, bool includesPrefix, string prefix)
    {
        var format = new LengthPrefixFraming(LengthPrefix.Varint, includesPrefix);
        var output = new ArrayBufferWriter<byte>();
        format.Write(output, new byte[length]);
        Assert.Equal(prefix, Convert.ToHexString(output.WrittenSpan[..^length]));
        Assert.Equal(length, Assert.Single(Decoded.Of(format, output.WrittenSpan.ToArray()).Frames).Length);
    }

    [Theory]
    [InlineData("82808080808080808000" + "6869", "hi")] // longer than need be, as protobuf reads it
    [InlineData("FFFFFFFFFFFFFFFFFF", "")] // nine of ten bytes
    public void A_varint_of_up_to_ten_bytes_is_read(string bytes, string frames) =>
        Assert.Equal(frames, Frames(new LengthPrefixFraming(LengthPrefix.Varint), Encoding.Latin1.GetString(Convert.FromHexString(bytes))));

    [Theory]
    [InlineData("FFFFFFFFFFFFFFFFFF01", FramingError.TooLong)] // 2^64 - 1
    [InlineData("FFFFFFFFFFFFFFFFFF02", FramingError.Malformed)] // 65 bits
    [InlineData("80808080808080808080", FramingError.Malformed)] // an eleventh byte would follow
    [InlineData("818004", FramingError.TooLong)] // one more than 64 KiB
    public void A_varint_beyond_the_maximum_or_beyond_64_bits_is_refused(string bytes, FramingError reason) =>
        Assert.Equal(reason, Fails(new LengthPrefixFraming(LengthPrefix.Varint), Encoding.Latin1.GetString(Convert.FromHexString(bytes))));

    [Theory]
    [InlineData(LengthPrefix.Byte, "\0")]
    [InlineData(LengthPrefix.UInt16BigEndian, "\0\x01")]
    [InlineData(LengthPrefix.UInt32BigEndian, "\0\0\0\x03")]
    [InlineData(LengthPrefix.UInt64BigEndian, "\0\0\0\0\0\0\0\x07")]
    [InlineData(LengthPrefix.Varint, "\0")]
    public void A_length_that_counts_itself_is_not_less(LengthPrefix prefix, string stream) =>
        Assert.Equal(FramingError.Malformed, Fails(new LengthPrefixFraming(prefix, includesPrefix: true), stream));

    [Theory]
    [InlineData(LengthPrefix.Byte, false, 255)]
    [InlineData(LengthPrefix.Byte, true, 254)]
    [InlineData(LengthPrefix.UInt16LittleEndian, false, 65_535)]
    [InlineData(LengthPrefix.UInt16LittleEndian, true, 65_533)]
    [InlineData(LengthPrefix.UInt32LittleEndian, true, 65_536)]
    public void The_maximum_is_no_more_than_the_prefix_can_say(LengthPrefix prefix, bool includesPrefix, int most)
    {
        var format = new LengthPrefixFraming(prefix, includesPrefix);
        Assert.Equal(most, format.MaxFrame);
        var output = new ArrayBufferWriter<byte>();
        format.Write(output, new byte[most]);
        Assert.Equal(most, Assert.Single(Decoded.Of(format, output.WrittenSpan.ToArray()).Frames).Length);
        Assert.Throws<FramingException>(() => format.Write(output, new byte[most + 1]));
    }

    [Theory]
    [InlineData("0:,", "")]
    [InlineData("12:hello world!,3:a,b,", "hello world!|a,b")]
    public void Netstrings_are_read_and_written(string stream, string frames)
    {
        Assert.Equal(frames, Frames(new NetstringFraming(), stream));
        Assert.Equal(stream, string.Concat(frames.Split('|').Select(frame => Written(new NetstringFraming(), frame))));
    }

    [Theory]
    [InlineData(":,", FramingError.Malformed)]
    [InlineData("00:,", FramingError.Malformed)]
    [InlineData("01:a,", FramingError.Malformed)]
    [InlineData("-1:", FramingError.Malformed)]
    [InlineData("+1:a,", FramingError.Malformed)]
    [InlineData(" 1:a,", FramingError.Malformed)]
    [InlineData("1 :a,", FramingError.Malformed)]
    [InlineData("1;a,", FramingError.Malformed)]
    [InlineData("1:a;", FramingError.Malformed)]
    [InlineData("1:ab,", FramingError.Malformed)]
    [InlineData("65537", FramingError.TooLong)]
    [InlineData("99999999999999999999999999", FramingError.TooLong)]
    public void Netstrings_are_strict(string stream, FramingError reason) => Assert.Equal(reason, Fails(new NetstringFraming(), stream));

    [Fact]
    public void A_huge_length_is_refused_before_anything_is_allocated()
    {
        foreach (string name in FormatCase.Names.Select(row => row.Data))
        {
            // As long as the format lets it be, and without the bytes.
            FrameFormat format = FormatCase.Of(name).Format switch
            {
                LengthPrefixFraming => new LengthPrefixFraming(LengthPrefix.UInt32BigEndian, maxFrame: int.MaxValue),
                NetstringFraming => new NetstringFraming(int.MaxValue),
                LineFraming => new LineFraming(maxFrame: int.MaxValue),
                DelimiterFraming => new DelimiterFraming("--"u8, int.MaxValue),
                _ => new FixedSizeFraming(int.MaxValue),
            };
            byte[] bytes = format is LengthPrefixFraming ? [0x7F, 0xFF, 0xFF, 0xFF, 1, 2, 3] : "2147483647:abc"u8.ToArray();
            Assert.False(TryRead(format, bytes));
            Assert.Equal(0, Allocated.By(() => TryRead(format, bytes)));
        }
    }

    [Fact]
    public void A_long_frame_that_comes_byte_by_byte_is_looked_at_once()
    {
        const int Length = 4_000_000;
        byte[] bytes = new byte[Length];
        foreach (FrameFormat format in (FrameFormat[])[new LineFraming(maxFrame: Length), new LineFraming(LineEnding.CrLf, strict: true, Length), new DelimiterFraming("--"u8, Length)])
        {
            long seen = 0;
            long began = Stopwatch.GetTimestamp();
            for (int arrived = 0; arrived < Length; arrived += 16)
            {
                var input = new ReadOnlySequence<byte>(bytes, 0, arrived);
                Assert.False(format.TryRead(ref input, ref seen, out _));
            }

            // 250,000 calls; were all bytes looked at in each, it would be 5 × 10^11 of them.
            Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        }
    }

    [Fact]
    public void A_format_needs_a_maximum_of_at_least_one_byte_and_a_kind_that_is_there()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new LineFraming(maxFrame: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new FixedSizeFraming(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NetstringFraming(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LineFraming((LineEnding)2));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LengthPrefixFraming((LengthPrefix)8));
        Assert.Equal(ErrorIds.BadFrame, new FramingException(FramingError.Malformed, "no").Id);
    }

    private static bool TryRead(FrameFormat format, byte[] bytes)
    {
        var input = new ReadOnlySequence<byte>(bytes);
        return format.TryRead(ref input, out _);
    }

    private static string Frames(FrameFormat format, string stream)
    {
        Decoded decoded = Decoded.Of(format, Encoding.Latin1.GetBytes(stream));
        Assert.Null(decoded.Error);
        return string.Join('|', decoded.Frames.Select(Encoding.Latin1.GetString));
    }

    private static FramingError Fails(FrameFormat format, string stream)
    {
        Decoded decoded = Decoded.Of(format, Encoding.Latin1.GetBytes(stream));
        Assert.Empty(decoded.Frames);
        return Assert.NotNull(decoded.Error);
    }

    private static string Written(FrameFormat format, string frame)
    {
        var output = new ArrayBufferWriter<byte>();
        format.Write(output, Encoding.Latin1.GetBytes(frame));
        return Encoding.Latin1.GetString(output.WrittenSpan);
    }
}
