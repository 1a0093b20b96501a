using System.Buffers.Binary;
using Sluice.Native;

namespace Sluice.Models.Processes;

/// <summary>
/// A datagram on its way to a worker, in a file in memory, because a message of the link has no room for one: what is known of it, and behind that its bytes.
/// Both ends are the same program.
/// </summary>
internal static class DatagramFile
{
    private const int NameOffset = 32;
    private const int LocalOffset = NameOffset + DatagramBuffer.NameRoom;
    private const int AddressRoom = 16;
    private const int SourceOffset = LocalOffset + AddressRoom;
    private const int HeaderSize = SourceOffset + AddressRoom;

    /// <summary>Writes it. Null: the system has no memory or no descriptor for a file.</summary>
    public static OpenFile? TryWrite(DatagramBuffer datagram, ReadOnlySpan<byte> payload, bool isTruncated)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        header.Clear();
        BinaryPrimitives.WriteInt64LittleEndian(header, datagram.Nanoseconds);
        header[8] = (byte)(isTruncated ? 1 : 0);
        header[9] = (byte)datagram.NameLength;
        header[10] = (byte)datagram.LocalAddress.Length;
        header[11] = (byte)datagram.Source.Length;
        if (datagram.Credentials is { } sender)
        {
            header[24] = 1;
            BinaryPrimitives.WriteInt32LittleEndian(header[12..], sender.Process);
            BinaryPrimitives.WriteUInt32LittleEndian(header[16..], sender.User);
            BinaryPrimitives.WriteUInt32LittleEndian(header[20..], sender.Group);
        }

        datagram.Name.CopyTo(header[NameOffset..]);
        datagram.LocalAddress.CopyTo(header[LocalOffset..]);
        datagram.Source.CopyTo(header[SourceOffset..]);
        OpenFile? file = OpenFile.CreateInMemory("sluice-datagram", out _);
        if (file is null || (file.Write(header, 0) == NativeError.None && file.Write(payload, HeaderSize) == NativeError.None))
        {
            return file;
        }

        file.Dispose();
        return null;
    }

    /// <summary>Reads one of <paramref name="length"/> bytes. Null: it is not there.</summary>
    public static DatagramBuffer? TryRead(OpenFile file, int length)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        byte[] payload = new byte[length];
        if (!TryFill(file, header, 0) || !TryFill(file, payload, HeaderSize) || header[9] > DatagramBuffer.NameRoom || header[10] > AddressRoom || header[11] > AddressRoom)
        {
            return null;
        }

        PeerCredentials? sender = header[24] == 0 ? null : new PeerCredentials(
            BinaryPrimitives.ReadInt32LittleEndian(header[12..]), BinaryPrimitives.ReadUInt32LittleEndian(header[16..]), BinaryPrimitives.ReadUInt32LittleEndian(header[20..]));
        var datagram = new DatagramBuffer(length);
        datagram.Set(
            header.Slice(NameOffset, header[9]), header.Slice(LocalOffset, header[10]), header.Slice(SourceOffset, header[11]), payload, isTruncated: header[8] != 0,
            BinaryPrimitives.ReadInt64LittleEndian(header), sender);
        return datagram;
    }

    private static bool TryFill(OpenFile file, Span<byte> target, long offset)
    {
        int done = 0;
        while (done < target.Length)
        {
            if (file.Read(target[done..], offset + done, out int count) != NativeError.None || count == 0)
            {
                return false;
            }

            done += count;
        }

        return true;
    }
}
