using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>Another descriptor of an open file, close-on-exec: fcntl(2), F_DUPFD_CLOEXEC. Its owner closes it, whatever becomes of the first.</summary>
internal sealed class DescriptorCopy : IDisposable
{
    private const int F_DUPFD_CLOEXEC = 1030;

    private int _fd;

    /// <exception cref="InvalidOperationException">There is no descriptor left.</exception>
    public DescriptorCopy(SafeHandle original)
    {
        bool held = false;
        try
        {
            original.DangerousAddRef(ref held);
            _fd = Libc.fcntl((int)original.DangerousGetHandle(), F_DUPFD_CLOEXEC, 0);
        }
        finally
        {
            if (held)
            {
                original.DangerousRelease();
            }
        }

        if (_fd < 0)
        {
            throw new InvalidOperationException($"fcntl F_DUPFD_CLOEXEC failed: {Errno.Last}");
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
