using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>io_uring(7) by syscall(2), for glibc has no wrappers; mmap(2). No logic here.</summary>
internal static unsafe partial class Libc
{
    // The same numbers on every architecture.
    public const nint IoUringSetup = 425;
    public const nint IoUringEnter = 426;
    public const nint IoUringRegister = 427;

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint syscall(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    [LibraryImport(Library, SetLastError = true)]
    public static partial void* mmap(void* address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int munmap(void* address, nuint length);
}
