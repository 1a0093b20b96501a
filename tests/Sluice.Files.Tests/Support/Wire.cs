using System.Buffers.Binary;
using System.Text;

namespace Sluice.Files.Tests;

/// <summary>Header bytes made by hand, independently of the code under test, so that also impossible ones can be made.</summary>
internal static class Wire
{
    public static byte[] Header(string name, long size, V1Layout layout) => Header(Encoding.UTF8.GetBytes(name), size, layout);

    public static byte[] Header(byte[] name, long size, V1Layout layout)
    {
        byte[] header = new byte[layout == V1Layout.Bytes40 ? 40 : 48];
        name.CopyTo(header, 0);
        if (layout == V1Layout.Bytes40)
        {
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(36), (int)size);
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(40), size);
        }

        return header;
    }

    public static byte[] File(string name, byte[] content, V1Layout layout) => [.. Header(name, content.Length, layout), .. content];

    public static byte[] Stream(V1Layout layout, params (string Name, byte[] Content)[] files) => [.. files.SelectMany(f => File(f.Name, f.Content, layout))];

    public static byte[] Bytes(int count, int seed = 1)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
