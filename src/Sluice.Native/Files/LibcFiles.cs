using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>File calls of libc, relative to a held directory where there is such a call. No logic here.</summary>
internal static unsafe partial class LibcFiles
{
    private const string Library = "libc";

    [LibraryImport(Library, SetLastError = true)]
    public static partial int openat(int directory, byte* path, int flags, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int memfd_create(byte* name, uint flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int statx(int directory, byte* path, int flags, uint mask, FileStatus* status);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int faccessat(int directory, byte* path, int mode, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fstatvfs(int fd, ulong* status);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int renameat(int fromDirectory, byte* from, int toDirectory, byte* to);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int unlinkat(int directory, byte* path, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint pwrite(int fd, byte* buffer, nint length, long offset);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint pread(int fd, byte* buffer, nint length, long offset);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int sync_file_range(int fd, long offset, long length, uint flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int fsync(int fd);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int close(int fd);
}

/// <summary>struct statx of statx(2): laid out alike on every architecture, which struct stat is not.</summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
internal struct FileStatus
{
    public uint Mask;
    public uint BlockSize;
    public ulong Attributes;
    public uint Links;
    public uint User;
    public uint Group;
    public ushort Mode;
    private readonly ushort _spare;
    public ulong Inode;
    public ulong Size;
}
