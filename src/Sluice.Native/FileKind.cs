using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>What a path is, without opening it (opening a FIFO would wait for ever). statx(2).</summary>
internal static unsafe partial class FileKind
{
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_TYPE = 1;
    private const int StatxSize = 256;
    private const int ModeOffset = 28;
    private const int S_IFMT = 0xF000;
    private const int S_IFSOCK = 0xC000;

    public static bool IsSocket(string path)
    {
        byte* status = stackalloc byte[StatxSize];
        return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, status) == 0 && (*(ushort*)(status + ModeOffset) & S_IFMT) == S_IFSOCK;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int statx(int directory, string path, int flags, uint mask, byte* status);
}
