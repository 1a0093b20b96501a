using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>recvmmsg(2), sendmmsg(2) and sendmsg(2) by syscall(2). No logic here.</summary>
internal static unsafe partial class Libc
{
    public static nint ReceiveMessages => Number(299, 243);

    public static nint SendMessages => Number(307, 269);

    public static nint SendMessage => Number(46, 211);

    // Without SetLastError, and past the wrappers of libc, which are cancellation points: see SocketCalls.
    [LibraryImport(Library, EntryPoint = "syscall")]
    public static partial nint message(nint number, nint fd, void* messages, nint countOrFlags, nint flags, nint timeout);
}

/// <summary>struct mmsghdr of recvmmsg(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MultiMessageHeader
{
    public MessageHeader Header;

    /// <summary>Bytes received or sent.</summary>
    public uint Length;
}
