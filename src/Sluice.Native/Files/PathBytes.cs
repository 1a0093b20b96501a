using System.Text;

namespace Sluice.Native;

/// <summary>A path as the kernel takes it: UTF-8 with a NUL at the end.</summary>
internal static class PathBytes
{
    /// <summary>Throws <see cref="ArgumentException"/> for a NUL inside, at which the kernel would stop reading.</summary>
    public static byte[] Of(string path)
    {
        if (path.Contains('\0'))
        {
            throw new ArgumentException("a path cannot hold a NUL", nameof(path));
        }

        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(path) + 1];
        Encoding.UTF8.GetBytes(path, bytes);
        return bytes;
    }
}
