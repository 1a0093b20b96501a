using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>
/// A descriptor to serve, of a socket that listens or is bound for datagrams, which may be shared with other processes: closing it is close(2) and nothing else. .NET's own handle may set SO_LINGER or disconnect
/// before it closes, which whoever shares the socket would feel, and its Socket deletes the file that it has bound.
/// </summary>
internal sealed class ListeningDescriptor : SafeHandle
{
    private const int SOL_SOCKET = 1, SO_TYPE = 3, SO_ACCEPTCONN = 30, SO_PROTOCOL = 38, SO_DOMAIN = 39;
    private const int SOCK_STREAM = 1, SOCK_DGRAM = 2, AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10, IPPROTO_UDP = 17;
    private const int NameRoom = 128; // struct sockaddr_storage
    private const int GetDescriptorFlags = 1, SetDescriptorFlags = 2, GetStatusFlags = 3, SetStatusFlags = 4; // F_GETFD, F_SETFD, F_GETFL, F_SETFL
    private const int CloseOnExec = 1, NonBlocking = 0x800; // FD_CLOEXEC, O_NONBLOCK
    private const int ShutReceive = 0; // SHUT_RD

    /// <summary>
    /// Takes over a descriptor that was passed to this process. It becomes close-on-exec, and non-blocking unless <paramref name="blocks"/>: datagram calls say each
    /// whether they wait, which they could not on a socket that never does.
    /// </summary>
    public ListeningDescriptor(int descriptor, bool blocks = false)
        : base(-1, ownsHandle: true)
    {
        SetHandle(descriptor);
        int status = Libc.fcntl(descriptor, GetStatusFlags, 0);
        _ = Libc.fcntl(descriptor, SetDescriptorFlags, CloseOnExec);
        _ = Libc.fcntl(descriptor, SetStatusFlags, blocks ? status & ~NonBlocking : status | NonBlocking);
    }

    public override bool IsInvalid => handle < 0;

    /// <summary>Takes the descriptor out of a bound socket, which is then an empty shell, to be left to the garbage collector: disposing it would wait for ever.</summary>
    public static ListeningDescriptor TakeFrom(Socket socket, bool blocks = false)
    {
        int descriptor = (int)socket.SafeHandle.DangerousGetHandle();
        socket.SafeHandle.SetHandleAsInvalid();
        Forget(socket);
        return new ListeningDescriptor(descriptor, blocks);
    }

    /// <summary>Whether it is a socket of datagrams.</summary>
    public static bool IsOfDatagrams(int descriptor) => TryGet(descriptor, SO_TYPE, out int type) && type == SOCK_DGRAM;

    /// <summary>Why a descriptor is neither a stream socket that listens nor a bound datagram socket, of the Internet or Unix; null when it is one. getsockopt(2).</summary>
    public static string? Complaint(int descriptor)
    {
        if (Libc.fcntl(descriptor, GetDescriptorFlags, 0) < 0)
        {
            return "no such descriptor is open";
        }

        return !TryGet(descriptor, SO_TYPE, out int type) ? "it is no socket"
            : type is not (SOCK_STREAM or SOCK_DGRAM) ? "it is a socket, but neither of streams nor of datagrams"
            : !TryGet(descriptor, SO_DOMAIN, out int family) || family is not (AF_UNIX or AF_INET or AF_INET6) ? "it is neither an Internet nor a Unix socket"
            : type == SOCK_DGRAM ? ComplaintOfDatagrams(descriptor, family)
            : !TryGet(descriptor, SO_ACCEPTCONN, out int listens) || listens == 0 ? "it is a stream socket that does not listen"
            : null;
    }

    /// <summary>The address that a descriptor is bound to. getsockname(2).</summary>
    public static EndPoint? LocalEndPointOf(int descriptor)
    {
        var socket = new Socket(new SafeSocketHandle(descriptor, ownsHandle: false));
        EndPoint? endPoint = socket.LocalEndPoint;
        Forget(socket);
        return endPoint;
    }

    /// <summary>Has it closed in the processes that this one starts.</summary>
    public static void KeepFromChildren(int descriptor) => _ = Libc.fcntl(descriptor, SetDescriptorFlags, CloseOnExec);

    /// <summary>Calls that do not say otherwise wait from now on.</summary>
    public void LetWait() => _ = Libc.fcntl((int)handle, SetStatusFlags, Libc.fcntl((int)handle, GetStatusFlags, 0) & ~NonBlocking);

    /// <summary>The socket listens no more, in whatever process: who waits on it is woken, and who connects is refused. shutdown(2).</summary>
    public void EndListening()
    {
        bool isHeld = false;
        try
        {
            DangerousAddRef(ref isHeld);
            _ = Libc.shutdown((int)handle, ShutReceive);
        }
        catch (ObjectDisposedException)
        {
            // It is closed, which is more.
        }
        finally
        {
            if (isHeld)
            {
                DangerousRelease();
            }
        }
    }

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;

    // getsockname(2): an Internet socket that is not bound has port 0, a Unix one has a family and nothing else.
    private static unsafe string? ComplaintOfDatagrams(int descriptor, int family)
    {
        byte* name = stackalloc byte[NameRoom];
        int length = NameRoom;
        bool isBound = Libc.getsockname(descriptor, name, &length) == 0 && length > sizeof(ushort) && (family == AF_UNIX || *(ushort*)(name + sizeof(ushort)) != 0);
        return !isBound ? "it is a datagram socket that is not bound"
            : family != AF_UNIX && (!TryGet(descriptor, SO_PROTOCOL, out int protocol) || protocol != IPPROTO_UDP) ? "it is a datagram socket, but not of UDP"
            : null;
    }

    // Its end, even by the garbage collector, would be felt: disposing deletes its file, and waits for a handle that is not its own.
    [SuppressMessage("Usage", "CA1816", Justification = "The socket's resources are another object's.")]
    private static void Forget(Socket socket) => GC.SuppressFinalize(socket);

    private static unsafe bool TryGet(int descriptor, int option, out int value)
    {
        int got = 0, length = sizeof(int);
        bool succeeded = Libc.getsockopt(descriptor, SOL_SOCKET, option, &got, &length) == 0;
        value = got;
        return succeeded;
    }
}
