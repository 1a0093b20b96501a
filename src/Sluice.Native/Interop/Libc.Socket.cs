using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>socket(7) calls of libc. No logic here.</summary>
internal static unsafe partial class Libc
{
    private const string Library = "libc";

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint recv(int fd, byte* buffer, nint length, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint send(int fd, byte* buffer, nint length, int flags);

    // Of a system call, on x86-64 and in the table that newer architectures share: syscalls(2). A constant to the compiler.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Number(nint onX64, nint elsewhere) => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? onX64 : elsewhere;

    // accept4(2) and close(2) by syscall(2): see SocketCalls.
    public static nint Accept4 => Number(288, 242);

    public static nint Close => Number(3, 57);

    // The same for calls whose error nobody wants to know.
    [LibraryImport(Library, EntryPoint = "syscall")]
    public static partial nint attempt(nint number, nint a, nint b, nint c, nint d, nint e);

    // Without SetLastError, which costs as much as the rest of the call: the error is asked for when there is one. See SocketCalls.
    [LibraryImport(Library, EntryPoint = "syscall")]
    public static partial nint transfer(nint number, nint fd, byte* buffer, nint length, nint flags, nint address, nint addressLength);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int socket(int family, int type, int protocol);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int socketpair(int family, int type, int protocol, int* pair);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int connect(int fd, byte* address, int addressLength);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int shutdown(int fd, int how);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int setsockopt(int fd, int level, int name, void* value, int length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int getsockopt(int fd, int level, int name, void* value, int* length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int getsockname(int fd, byte* address, int* addressLength);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int getpeername(int fd, byte* address, int* addressLength);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int close(int fd);
}
