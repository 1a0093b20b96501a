using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>accept4(2) and the listener's readiness, on the handle of a bound socket.</summary>
internal static unsafe class ListeningSocket
{
    private const int SOCK_CLOEXEC = 0x80000;

    /// <summary>
    /// Takes one connection off the queue, or names the error. Never waits when the listener is non-blocking. The new descriptor is blocking,
    /// so that a model chooses per call (MSG_DONTWAIT), and close-on-exec.
    /// </summary>
    public static bool TryAccept(SafeHandle listener, out StreamDescriptor accepted, out NativeError error)
    {
        bool held = false;
        accepted = default;
        try
        {
            listener.DangerousAddRef(ref held);
            RawSocketAddress peer = default;
            int length = RawSocketAddress.Size;
            int fd = (int)Libc.syscall(Libc.Accept4, listener.DangerousGetHandle(), (nint)(&peer), (nint)(&length), SOCK_CLOEXEC, 0, 0);
            error = fd < 0 ? Errno.Last : NativeError.None;
            accepted = new StreamDescriptor(fd, peer);
            return fd >= 0;
        }
        catch (ObjectDisposedException)
        {
            error = NativeError.BadDescriptor;
            return false;
        }
        finally
        {
            if (held)
            {
                listener.DangerousRelease();
            }
        }
    }
}
