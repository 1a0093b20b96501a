using System.Buffers;
using CsCheck;
using Sluice.Framing;
using Sluice.Tests.Support;

namespace Sluice.Tests.Framing;

/// <summary>What holds for every format, whatever the bytes.</summary>
public sealed class FramePropertyTests
{
    private const int Iterations = 500;

    private static readonly Gen<int[]> Points = Gen.OneOf(Gen.Int[0, 40].Array[0, 12], Gen.Int[0, 900].Array[0, 40]);

    public static TheoryData<string> Formats => FormatCase.Names;

    [Theory]
    [MemberData(nameof(Formats))]
    public void Any_segments_and_any_arrival_give_the_same_frames_and_the_same_error(string name)
    {
        FormatCase format = FormatCase.Of(name);
        Gen.Select(format.Stream, Points, Points).Sample((bytes, arrivals, cuts) =>
            Assert.Equal(Decoded.Of(format.Format, bytes).ToString(), Decoded.Of(format.Format, bytes, arrivals, cuts).ToString()), iter: Iterations);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Byte_by_byte_gives_the_same_frames(string name)
    {
        FormatCase format = FormatCase.Of(name);
        format.Stream.Sample(bytes =>
        {
            int[] all = [.. Enumerable.Range(0, bytes.Length)];
            Assert.Equal(Decoded.Of(format.Format, bytes).ToString(), Decoded.Of(format.Format, bytes, all, all).ToString());
        }, iter: Iterations / 10);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void What_was_written_is_read_as_the_same_frames(string name)
    {
        FormatCase format = FormatCase.Of(name);
        format.Frame.Array[0, 6].Sample(frames =>
        {
            Decoded decoded = Decoded.Of(format.Format, format.Encoded(frames));
            Assert.Equal(frames.Where(format.CanWrite).Select(Convert.ToHexString), decoded.Frames.Select(Convert.ToHexString), StringComparer.Ordinal);
            Assert.Equal((null, 0), (decoded.Error, decoded.Left));
        }, iter: Iterations);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_frame_that_would_be_read_as_another_is_not_written_and_nothing_of_it(string name)
    {
        FormatCase format = FormatCase.Of(name);
        format.Frame.Sample(frame =>
        {
            var output = new ArrayBufferWriter<byte>();
            if (format.CanWrite(frame))
            {
                format.Format.Write(output, frame);
                return;
            }

            Assert.Equal(FramingError.CannotEncode, Assert.Throws<FramingException>(() => format.Format.Write(output, frame)).Reason);
            Assert.Equal(0, output.WrittenCount);
        }, iter: Iterations);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_frame_in_segments_is_written_as_one_in_one_piece(string name)
    {
        FormatCase format = FormatCase.Of(name);
        Gen.Select(format.Frame, Points).Sample((frame, cuts) =>
        {
            var output = new ArrayBufferWriter<byte>();
            if (format.CanWrite(frame))
            {
                format.Format.Write(output, Segments.Of(frame, 0, frame.Length, cuts));
            }
            else
            {
                Assert.Throws<FramingException>(() => format.Format.Write(output, Segments.Of(frame, 0, frame.Length, cuts)));
            }

            Assert.Equal(Convert.ToHexString(format.Encoded([frame])), Convert.ToHexString(output.WrittenSpan));
        }, iter: Iterations);
    }

    // Decoded.Of lets every other exception through.
    [Theory]
    [MemberData(nameof(Formats))]
    public void No_bytes_throw_anything_but_a_framing_error_of_a_reader(string name)
    {
        FormatCase format = FormatCase.Of(name);
        Gen.Select(Gen.OneOf(Gen.Byte.Array[0, 64], Gen.Byte[0xF0, 0xFF].Array[0, 24], format.Stream), Points).Sample((bytes, cuts) =>
        {
            Decoded decoded = Decoded.Of(format.Format, bytes, cuts: cuts);
            Assert.True(decoded.Error is null or FramingError.TooLong or FramingError.Malformed);
            Assert.All(decoded.Frames, frame => Assert.InRange(frame.Length, 0, format.Format.MaxFrame));
        }, iter: Iterations);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void What_is_no_frame_stays_none_and_is_known_before_more_than_the_longest_frame_is_buffered(string name)
    {
        FormatCase format = FormatCase.Of(name);
        Gen.Select(Gen.OneOf(Gen.Byte, Gen.OneOf("0123456789\r\x80\xFF"u8.ToArray())).Array[0, FormatCase.Max * 2], Gen.Bool).Sample((bytes, padded) =>
        {
            byte[] input = padded ? [.. bytes, .. new byte[FormatCase.Max * 2]] : bytes;
            int most = format.Format.MaxFrame + format.Around;
            long seen = 0;
            FramingError? error = null;
            for (int arrived = 0; arrived <= Math.Min(input.Length, most + 20); arrived++)
            {
                var part = new ReadOnlySequence<byte>(input, 0, arrived);
                try
                {
                    if (format.Format.TryRead(ref part, ref seen, out _))
                    {
                        Assert.Null(error);
                        return;
                    }

                    Assert.Null(error);
                    Assert.True(arrived < most, $"{arrived} bytes are buffered, and no error");
                }
                catch (FramingException thrown)
                {
                    Assert.Equal(error ?? thrown.Reason, thrown.Reason);
                    error = thrown.Reason;
                }
            }
        }, iter: Iterations / 10);
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Reading_allocates_nothing_in_one_piece_or_in_many(string name)
    {
        FormatCase format = FormatCase.Of(name);
        var stream = new List<byte[]>();
        format.Frame.Where(format.CanWrite).Array[200].Sample(stream.AddRange, iter: 1);
        byte[] bytes = format.Encoded(stream);
        var whole = new ReadOnlySequence<byte>(bytes);
        ReadOnlySequence<byte> pieces = Segments.Of(bytes, 5);
        int frames = 0;
        Assert.Equal(0, Allocated.By(() => frames = Count(format.Format, whole) + Count(format.Format, pieces)));
        Assert.Equal(stream.Count * 2, frames);
    }

    private static int Count(FrameFormat format, ReadOnlySequence<byte> input)
    {
        int frames = 0;
        while (format.TryRead(ref input, out _))
        {
            frames++;
        }

        return frames;
    }
}
