using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CsCheck;
using Sluice.Native;

namespace Sluice.Tests.Datagrams;

/// <summary>What the kernel leaves beside a datagram's bytes, read as the manual says and never beyond.</summary>
public sealed class DatagramBufferTests
{
    private const int Header = 16;
    private const int Truncated = 0x20;

    // Level, type and the length of the data that has one meaning. SCM_RIGHTS is left out: what it says is closed.
    private static readonly (int Level, int Type, int Length)[] Known = [(1, 35, 16), (0, 8, 12), (41, 50, 20), (1, 2, 12), (1, 40, 4), (17, 104, 4), (7, 7, 8)];

    private static readonly Gen<byte[]> Message =
        from known in Gen.Int[0, Known.Length - 1]
        from length in Gen.OneOf(Gen.Const(Header + Known[known].Length), Gen.Int[0, 60], Gen.Int[-5, 400])
        from data in Gen.Byte.Array[48]
        select Encode(Known[known].Level, Known[known].Type, length, data);

    [Fact]
    public void Whatever_the_control_messages_are_it_reads_what_a_careful_reader_does() =>
        (from messages in Message.Array[0, 4]
         from noise in Gen.Byte.Array[DatagramBuffer.ControlRoom]
         from controlLength in Gen.OneOf(Gen.Int[0, DatagramBuffer.ControlRoom], Gen.Const(DatagramBuffer.ControlRoom), Gen.Int[0, 1_000])
         from length in Gen.Int[0, 70_000]
         from nameLength in Gen.Int[0, 200]
         from size in Gen.Int[1, 300]
         from flags in Gen.Int[0, 0xff]
         select (messages, noise, controlLength, length, nameLength, size, flags)).Sample(one =>
        {
            var buffer = new DatagramBuffer(one.size);
            byte[] control = one.noise;
            int at = 0;
            foreach (byte[] message in one.messages)
            {
                int count = Math.Min(message.Length, control.Length - at);
                message.AsSpan(0, count).CopyTo(control.AsSpan(at));
                at += count;
            }

            control.CopyTo(buffer.Array, DatagramBuffer.NameRoom);
            buffer.Array.AsSpan(DatagramBuffer.PayloadOffset).Fill(0xaa); // what a careless reader would take for more of it
            buffer.Accept(HeaderOf(buffer, one.controlLength, one.length, one.nameLength, one.flags));

            Careful expected = Read(control.AsSpan(0, Math.Min(one.controlLength, control.Length)));
            Assert.Equal(Math.Min(one.length, one.size), buffer.Length);
            Assert.Equal((one.flags & Truncated) != 0, buffer.IsTruncated);
            Assert.Equal(one.nameLength <= 2 ? 0 : Math.Min(one.nameLength, DatagramBuffer.NameRoom), buffer.Name.Length);
            Assert.Equal(expected.Nanoseconds, buffer.Nanoseconds);
            Assert.Equal(expected.Dropped, buffer.Dropped);
            Assert.Equal(expected.Segment, buffer.SegmentSize);
            Assert.Equal(expected.User, buffer.Credentials?.User);
            Assert.Equal(expected.Local, Convert.ToHexString(buffer.LocalAddress));
            Assert.Equal(expected.Source, Convert.ToHexString(buffer.Source));
        }, iter: 20_000);

    [Theory]
    [InlineData("7f000001", "7f000005", "7f000001")] // the kernel says which of ours
    [InlineData("00000000", "e0000001", "00000000")]
    public void An_IPv4_answer_comes_from_the_address_that_the_kernel_calls_ours(string ours, string destination, string source)
    {
        var buffer = new DatagramBuffer(10);
        Accept(buffer, Encode(0, 8, Header + 12, [0, 0, 0, 0, .. Convert.FromHexString(ours), .. Convert.FromHexString(destination)]));
        Assert.Equal(destination, Convert.ToHexStringLower(buffer.LocalAddress));
        Assert.Equal(source, Convert.ToHexStringLower(buffer.Source));
    }

    [Theory]
    [InlineData("ff020000000000000000000000000001", false)]
    [InlineData("00000000000000000000ffffe0000001", false)]
    [InlineData("00000000000000000000ffffffffffff", false)]
    [InlineData("00000000000000000000ffff7f000005", true)]
    [InlineData("00000000000000000000000000000001", true)]
    public void An_IPv6_answer_comes_from_the_address_that_was_sent_to_unless_that_means_many(string destination, bool isOurs)
    {
        var buffer = new DatagramBuffer(10);
        Accept(buffer, Encode(41, 50, Header + 20, [.. Convert.FromHexString(destination), 1, 0, 0, 0]));
        Assert.Equal(destination, Convert.ToHexStringLower(buffer.LocalAddress));
        Assert.Equal(isOurs ? destination : "", Convert.ToHexStringLower(buffer.Source));
    }

    private static void Accept(DatagramBuffer buffer, byte[] message)
    {
        message.AsSpan(0, Math.Min(message.Length, DatagramBuffer.ControlRoom)).CopyTo(buffer.Array.AsSpan(DatagramBuffer.NameRoom));
        buffer.Accept(HeaderOf(buffer, message.Length, 1, 16, 0));
    }

    // struct mmsghdr, by its bytes.
    private static MultiMessageHeader HeaderOf(DatagramBuffer buffer, int controlLength, int length, int nameLength, int flags)
    {
        byte[] bytes = new byte[64];
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8), nameLength);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), Marshal.UnsafeAddrOfPinnedArrayElement(buffer.Array, DatagramBuffer.NameRoom));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), controlLength);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(48), flags);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(56), length);
        return MemoryMarshal.Read<MultiMessageHeader>(bytes);
    }

    // struct cmsghdr and its data, padded.
    private static byte[] Encode(int level, int type, long length, byte[] data)
    {
        byte[] bytes = new byte[(int)Math.Clamp((length + 7) & ~7, Header, Header + ((data.Length + 7) & ~7))];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), level);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), type);
        data.AsSpan(0, Math.Min(data.Length, bytes.Length - Header)).CopyTo(bytes.AsSpan(Header));
        return bytes;
    }

    private static Careful Read(ReadOnlySpan<byte> control)
    {
        var read = new Careful();
        while (control.Length >= Header)
        {
            long length = BinaryPrimitives.ReadInt64LittleEndian(control);
            if (length < Header || length > control.Length)
            {
                break;
            }

            ReadOnlySpan<byte> data = control[Header..(int)length];
            switch (BinaryPrimitives.ReadInt32LittleEndian(control[8..]), BinaryPrimitives.ReadInt32LittleEndian(control[12..]))
            {
                case (1, 35) when data.Length >= 16:
                    read.Nanoseconds = unchecked((BinaryPrimitives.ReadInt64LittleEndian(data) * 1_000_000_000) + BinaryPrimitives.ReadInt64LittleEndian(data[8..]));
                    break;
                case (0, 8) when data.Length >= 12:
                    read.Local = Convert.ToHexString(data[8..12]);
                    read.Source = data[4] >= 224 ? "" : Convert.ToHexString(data[4..8]);
                    break;
                case (41, 50) when data.Length >= 20:
                    read.Local = Convert.ToHexString(data[..16]);
                    bool isMapped = read.Local.StartsWith("00000000000000000000FFFF", StringComparison.Ordinal);
                    read.Source = (isMapped ? data[12] >= 224 : data[0] == 0xff) ? "" : read.Local;
                    break;
                case (1, 2) when data.Length >= 12:
                    read.User = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
                    break;
                case (1, 40) when data.Length >= 4:
                    read.Dropped = BinaryPrimitives.ReadUInt32LittleEndian(data);
                    break;
                case (17, 104) when data.Length >= 4:
                    read.Segment = Math.Max(BinaryPrimitives.ReadInt32LittleEndian(data), 0);
                    break;
            }

            int step = ((int)length + 7) & ~7;
            control = step >= control.Length ? [] : control[step..];
        }

        return read;
    }

    private sealed class Careful
    {
        public long Nanoseconds { get; set; }

        public uint? Dropped { get; set; }

        public uint? User { get; set; }

        public int Segment { get; set; }

        public string Local { get; set; } = "";

        public string Source { get; set; } = "";
    }
}
