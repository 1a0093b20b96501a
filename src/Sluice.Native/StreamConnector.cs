using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>Gives up a handle's descriptor to Sluice.</summary>
internal static unsafe partial class StreamConnector
{
    private const int F_DUPFD_CLOEXEC = 1030;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, int argument);

    /// <summary>
    /// Duplicates the connected socket behind <paramref name="handle"/> (whose owner then closes its own), and makes the copy blocking.
    /// </summary>
    public static bool TryTake(SafeHandle handle, out StreamDescriptor stream, out NativeError error)
    {
        const int F_GETFL = 3;
        const int F_SETFL = 4;
        const int O_NONBLOCK = 0x800;
        bool held = false;
        stream = default;
        try
        {
            handle.DangerousAddRef(ref held);
            int fd = fcntl((int)handle.DangerousGetHandle(), F_DUPFD_CLOEXEC, 3);
            if (fd < 0)
            {
                error = Errno.Last;
                return false;
            }

            _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) & ~O_NONBLOCK);
            RawSocketAddress peer = default;
            int length = RawSocketAddress.Size;
            _ = Libc.getpeername(fd, (byte*)&peer, &length);
            stream = new StreamDescriptor(fd, peer);
            error = NativeError.None;
            return true;
        }
        finally
        {
            if (held)
            {
                handle.DangerousRelease();
            }
        }
    }
}
