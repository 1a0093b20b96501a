using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>Another descriptor of an open file, close-on-exec: fcntl(2), F_DUPFD_CLOEXEC. Its owner closes it, whatever becomes of the first.</summary>
internal sealed class DescriptorCopy : IDisposable
{
    private const int F_DUPFD_CLOEXEC = 1030;

    private int _fd;

    /// <exception cref="InvalidOperationException">There is no descriptor left.</exception>
    public DescriptorCopy(SafeHandle original) => _fd = Of(original);

    /// <summary>The number of a copy, which is the caller's to close.</summary>
    /// <exception cref="InvalidOperationException">There is no descriptor left.</exception>
    public static int Of(SafeHandle original)
    {
        bool held = false;
        try
        {
            original.DangerousAddRef(ref held);
            int copy = Libc.fcntl((int)original.DangerousGetHandle(), F_DUPFD_CLOEXEC, 0);
            return copy >= 0 ? copy : throw new InvalidOperationException($"fcntl F_DUPFD_CLOEXEC failed: {Errno.Last}");
        }
        finally
        {
            if (held)
            {
                original.DangerousRelease();
            }
        }
    }

    /// <summary>The raw number; -1 once disposed.</summary>
    public int Number => _fd;

    public void Dispose()
    {
        int fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
        {
            _ = Libc.close(fd);
        }
    }
}
