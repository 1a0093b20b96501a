using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>
/// An epoll(7) instance. Its descriptors are registered once, edge-triggered, for reading and writing; who wants it otherwise says so by
/// <see cref="Watch"/>.
/// </summary>
internal sealed unsafe class ReadinessQueue : IDisposable
{
    private const int EPOLL_CLOEXEC = 0x80000;
    private const int EPOLL_CTL_ADD = 1;
    private const int EPOLL_CTL_DEL = 2;
    private const int EPOLL_CTL_MOD = 3;
    private const uint EPOLLIN = 0x001;
    private const uint EPOLLOUT = 0x004;
    private const uint EPOLLERR = 0x008;
    private const uint EPOLLHUP = 0x010;
    private const uint EPOLLRDHUP = 0x2000;
    private const uint EPOLLET = 1u << 31;

    // struct epoll_event is packed on x86-64 (12 bytes) and aligned elsewhere (16 bytes). epoll_ctl(2).
    // Constants to the compiler.
    private static int EventSize => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private static int DataOffset => EventSize - sizeof(ulong);

    private readonly int _epoll;
    private readonly int _capacity;
    private readonly byte* _events;

    public ReadinessQueue(int capacity)
    {
        _epoll = Libc.epoll_create1(EPOLL_CLOEXEC);
        if (_epoll < 0)
        {
            throw new InvalidOperationException($"epoll_create1 failed: {Errno.Last}");
        }

        _capacity = capacity;
        _events = (byte*)NativeMemory.AllocZeroed((nuint)(capacity * EventSize));
    }

    /// <summary>Registers a descriptor; every edge comes back with <paramref name="token"/>.</summary>
    public NativeError Add(int descriptor, ulong token) => Add(descriptor, token, Watch.Read | Watch.Write | Watch.Edges);

    /// <summary>Registers a descriptor for what <paramref name="watch"/> says; without <see cref="Watch.Edges"/> it is level-triggered.</summary>
    public NativeError Add(int descriptor, ulong token, Watch watch) => Control(EPOLL_CTL_ADD, descriptor, token, watch);

    /// <summary>Replaces what a registered descriptor is watched for. What is ready at this moment is told again, also as an edge.</summary>
    public NativeError Change(int descriptor, ulong token, Watch watch) => Control(EPOLL_CTL_MOD, descriptor, token, watch);

    /// <summary>Takes a descriptor out again; closing it does so too.</summary>
    public void Remove(int descriptor)
    {
        byte* ignored = stackalloc byte[16];
        _ = Libc.epoll_ctl(_epoll, EPOLL_CTL_DEL, descriptor, ignored);
    }

    /// <summary>Waits for edges (-1: for ever). Returns how many; read them with <see cref="Event"/>.</summary>
    public int Wait(int milliseconds)
    {
        nint count = Libc.attempt(Libc.EpollWait, _epoll, (nint)_events, _capacity, milliseconds, 0);
        return count < 0 ? 0 : (int)count;
    }

    /// <summary>The edge <paramref name="index"/> of the last wait.</summary>
    public Readiness Event(int index, out ulong token)
    {
        byte* @event = _events + (index * EventSize);
        token = *(ulong*)(@event + DataOffset);
        return *(uint*)@event == EPOLLIN ? Readiness.Read : Meaning(*(uint*)@event);
    }

    public void Dispose()
    {
        _ = Libc.close(_epoll);
        NativeMemory.Free(_events);
    }

    private static Readiness Meaning(uint bits)
    {
        Readiness readiness = Readiness.None;
        if ((bits & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0)
        {
            readiness |= Readiness.Read;
        }

        if ((bits & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
        {
            readiness |= Readiness.Write;
        }

        if ((bits & (EPOLLERR | EPOLLHUP)) != 0)
        {
            readiness |= Readiness.Over;
        }

        if ((bits & EPOLLRDHUP) != 0)
        {
            readiness |= Readiness.PeerClosed;
        }

        return readiness;
    }

    private NativeError Control(int operation, int descriptor, ulong token, Watch watch)
    {
        byte* change = stackalloc byte[16];
        *(uint*)change = ((watch & Watch.Read) != 0 ? EPOLLIN | EPOLLRDHUP : 0)
            | ((watch & Watch.Write) != 0 ? EPOLLOUT : 0)
            | ((watch & Watch.Edges) != 0 ? EPOLLET : 0);
        *(ulong*)(change + DataOffset) = token;
        return Libc.epoll_ctl(_epoll, operation, descriptor, change) < 0 ? Errno.Last : NativeError.None;
    }
}

/// <summary>What a descriptor is watched for. Its end (EPOLLHUP, EPOLLERR) is always told.</summary>
[Flags]
internal enum Watch
{
    /// <summary>Nothing but its end.</summary>
    None = 0,

    /// <summary>Bytes, connections, and the peer's FIN.</summary>
    Read = 1,

    /// <summary>Room to send.</summary>
    Write = 2,

    /// <summary>Edge-triggered: each change is told once, and not its state again and again.</summary>
    Edges = 4,
}

/// <summary>What an event says.</summary>
[Flags]
internal enum Readiness
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>A receive will not wait: bytes, FIN or an error.</summary>
    Read = 1,

    /// <summary>A send will not wait.</summary>
    Write = 2,

    /// <summary>Both directions have ended, or the socket has an error.</summary>
    Over = 4,

    /// <summary>The peer sent its FIN: a short receive does not mean that nothing follows.</summary>
    PeerClosed = 8,
}
