using System.Buffers;
using System.Buffers.Binary;

namespace Sluice.Framing;

/// <summary>How the length before a frame is written.</summary>
public enum LengthPrefix
{
    /// <summary>One byte.</summary>
    Byte,

    /// <summary>Two bytes, the high one first (network byte order).</summary>
    UInt16BigEndian,

    /// <summary>Two bytes, the low one first.</summary>
    UInt16LittleEndian,

    /// <summary>Four bytes, the highest first (network byte order).</summary>
    UInt32BigEndian,

    /// <summary>Four bytes, the lowest first.</summary>
    UInt32LittleEndian,

    /// <summary>Eight bytes, the highest first (network byte order).</summary>
    UInt64BigEndian,

    /// <summary>Eight bytes, the lowest first.</summary>
    UInt64LittleEndian,

    /// <summary>Unsigned LEB128, as before a delimited message of Protocol Buffers: seven bits a byte, the lowest first, the high bit says that one follows. Written as
    /// short as can be; read up to ten bytes, as others read it.</summary>
    Varint,
}

/// <summary>A length before each frame. A frame may be empty. Nothing is allocated or waited for on the word of a length beyond the maximum.</summary>
public sealed class LengthPrefixFraming : FrameFormat
{
    private const int LongestVarint = 10; // 64 bits, seven a byte

    private readonly LengthPrefix _prefix;
    private readonly bool _counted;

    /// <summary>Creates the format.</summary>
    /// <param name="prefix">How the length is written.</param>
    /// <param name="includesPrefix">Whether the length counts its own bytes, too. Defaults to false.</param>
    /// <param name="maxFrame">The most bytes of a frame, without the prefix. Defaults to 64 KiB. Where the prefix cannot say so much, what it can say is the
    /// maximum.</param>
    public LengthPrefixFraming(LengthPrefix prefix, bool includesPrefix = false, int maxFrame = DefaultMaxFrame)
        : base(Math.Min(maxFrame, Most(prefix, includesPrefix))) => (_prefix, _counted) = (prefix, includesPrefix);

    /// <inheritdoc/>
    public override bool TryRead(ref ReadOnlySequence<byte> input, ref long seen, out ReadOnlySequence<byte> frame)
    {
        frame = default;
        Span<byte> space = stackalloc byte[LongestVarint];
        if (!TryParse(Beginning(input, space), out ulong length, out int size))
        {
            return false;
        }

        if (_counted)
        {
            length = length >= (uint)size
                ? length - (uint)size
                : throw new FramingException(FramingError.Malformed, $"a length is {length}, and it counts its own {size} bytes");
        }

        if (length > (uint)MaxFrame)
        {
            throw TooLong();
        }

        if (input.Length - size < (long)length)
        {
            return false;
        }

        frame = input.Slice(size, (long)length);
        input = input.Slice(frame.End);
        return true;
    }

    /// <inheritdoc/>
    protected override void WriteFrame(IBufferWriter<byte> output, ReadOnlySpan<byte> frame)
    {
        Span<byte> prefix = stackalloc byte[LongestVarint];
        output.Write(prefix[..Format((ulong)frame.Length, prefix)]);
        output.Write(frame);
    }

    private static int Most(LengthPrefix prefix, bool includesPrefix) => prefix switch
    {
        LengthPrefix.Byte => byte.MaxValue - (includesPrefix ? 1 : 0),
        LengthPrefix.UInt16BigEndian or LengthPrefix.UInt16LittleEndian => ushort.MaxValue - (includesPrefix ? 2 : 0),
        >= LengthPrefix.UInt32BigEndian and <= LengthPrefix.Varint => int.MaxValue,
        _ => throw new ArgumentOutOfRangeException(nameof(prefix)),
    };

    // The length and how many bytes it takes. False: it is not there as a whole.
    private bool TryParse(ReadOnlySpan<byte> input, out ulong length, out int size)
    {
        length = 0;
        size = SizeOfPrefix();
        if (_prefix == LengthPrefix.Varint)
        {
            return TryParseVarint(input, out length, out size);
        }

        if (input.Length < size)
        {
            return false;
        }

        length = _prefix switch
        {
            LengthPrefix.Byte => input[0],
            LengthPrefix.UInt16BigEndian => BinaryPrimitives.ReadUInt16BigEndian(input),
            LengthPrefix.UInt16LittleEndian => BinaryPrimitives.ReadUInt16LittleEndian(input),
            LengthPrefix.UInt32BigEndian => BinaryPrimitives.ReadUInt32BigEndian(input),
            LengthPrefix.UInt32LittleEndian => BinaryPrimitives.ReadUInt32LittleEndian(input),
            LengthPrefix.UInt64BigEndian => BinaryPrimitives.ReadUInt64BigEndian(input),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(input),
        };
        return true;
    }

    private static bool TryParseVarint(ReadOnlySpan<byte> input, out ulong value, out int size)
    {
        value = 0;
        for (size = 0; size < input.Length;)
        {
            byte next = input[size];
            if (size == LongestVarint - 1 && next > 1)
            {
                throw new FramingException(FramingError.Malformed, "a length has more than 64 bits");
            }

            value |= (ulong)(next & 0x7F) << (7 * size);
            size++;
            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    // The prefix of a frame of so many bytes.
    private int Format(ulong frame, Span<byte> prefix)
    {
        int size = _prefix == LengthPrefix.Varint ? SizeOfVarint(frame) : SizeOfPrefix();
        ulong length = frame + (_counted ? (uint)size : 0);
        switch (_prefix)
        {
            case LengthPrefix.Byte:
                prefix[0] = (byte)length;
                break;
            case LengthPrefix.UInt16BigEndian:
                BinaryPrimitives.WriteUInt16BigEndian(prefix, (ushort)length);
                break;
            case LengthPrefix.UInt16LittleEndian:
                BinaryPrimitives.WriteUInt16LittleEndian(prefix, (ushort)length);
                break;
            case LengthPrefix.UInt32BigEndian:
                BinaryPrimitives.WriteUInt32BigEndian(prefix, (uint)length);
                break;
            case LengthPrefix.UInt32LittleEndian:
                BinaryPrimitives.WriteUInt32LittleEndian(prefix, (uint)length);
                break;
            case LengthPrefix.UInt64BigEndian:
                BinaryPrimitives.WriteUInt64BigEndian(prefix, length);
                break;
            case LengthPrefix.UInt64LittleEndian:
                BinaryPrimitives.WriteUInt64LittleEndian(prefix, length);
                break;
            default:
                for (int i = 0; i < size; i++, length >>= 7)
                {
                    prefix[i] = (byte)(i < size - 1 ? length | 0x80 : length);
                }

                break;
        }

        return size;
    }

    private int SizeOfPrefix() => _prefix switch
    {
        LengthPrefix.Byte => 1,
        LengthPrefix.UInt16BigEndian or LengthPrefix.UInt16LittleEndian => 2,
        LengthPrefix.UInt32BigEndian or LengthPrefix.UInt32LittleEndian => 4,
        _ => 8,
    };

    // The least size that can say the length, its own bytes added where they are counted.
    private int SizeOfVarint(ulong frame)
    {
        int size = 1;
        while (frame + (_counted ? (uint)size : 0) >= 1UL << (7 * size))
        {
            size++;
        }

        return size;
    }
}
