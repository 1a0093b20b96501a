using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>select(2), poll(2), epoll(7), eventfd(2). No logic here.</summary>
internal static unsafe partial class Libc
{
    // epoll_wait(2), or epoll_pwait(2) where there is no other, which without a mask is the same. By syscall(2): see SocketCalls.
    public static nint EpollWait => Number(232, 22);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int pselect(int limit, ulong* read, ulong* write, ulong* error, long* timeout, void* signals);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int poll(PollDescriptor* descriptors, nuint count, int timeout);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int epoll_create1(int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int epoll_ctl(int epoll, int operation, int fd, byte* @event);

    // Variadic in C; on Linux the third argument travels alike.
    [LibraryImport(Library, SetLastError = true)]
    public static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int eventfd(uint initial, int flags);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint read(int fd, byte* buffer, nint length);

    [LibraryImport(Library, SetLastError = true)]
    public static partial nint write(int fd, byte* buffer, nint length);
}

/// <summary>struct pollfd of poll(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollDescriptor
{
    public const short In = 0x001;
    public const short Out = 0x004;
    public const short Error = 0x008;
    public const short HangUp = 0x010;
    public const short Invalid = 0x020;
    public const short PeerClosed = 0x2000;

    public int Descriptor;
    public short Events;
    public short Returned;
}
