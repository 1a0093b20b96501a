namespace Sluice.Native;

/// <summary>An eventfd(2): wakes a thread that waits in poll(2) or epoll_wait(2). Set is safe from any thread, also while it is disposed.</summary>
internal sealed unsafe class EventDescriptor : IDisposable
{
    private const int EFD_CLOEXEC = 0x80000;
    private const int EFD_NONBLOCK = 0x800;

    private readonly Lock _closing = new();
    private int _fd;

    public EventDescriptor()
    {
        _fd = Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (_fd < 0)
        {
            throw new InvalidOperationException($"eventfd failed: {Errno.Last}");
        }
    }

    /// <summary>The raw number, for the thread that waits.</summary>
    public int Number => _fd;

    /// <summary>Makes the descriptor readable.</summary>
    public void Set()
    {
        lock (_closing)
        {
            ulong one = 1;
            if (_fd >= 0)
            {
                _ = Libc.write(_fd, (byte*)&one, sizeof(ulong));
            }
        }
    }

    /// <summary>Makes it unreadable again.</summary>
    public void Reset()
    {
        ulong count;
        _ = Libc.read(_fd, (byte*)&count, sizeof(ulong));
    }

    public void Dispose()
    {
        lock (_closing)
        {
            if (_fd >= 0)
            {
                _ = Libc.close(_fd);
                _fd = -1;
            }
        }
    }
}
