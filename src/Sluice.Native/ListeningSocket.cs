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
    public static StreamDescriptor? Accept(SafeHandle listener, out NativeError error)
    {
        bool held = false;
        try
        {
            listener.DangerousAddRef(ref held);
            PeerAddress peer = default;
            int length = PeerAddress.Size;
            int fd = Libc.accept4((int)listener.DangerousGetHandle(), (byte*)&peer, &length, SOCK_CLOEXEC);
            error = fd < 0 ? Errno.Last : NativeError.None;
            return fd < 0 ? null : new StreamDescriptor(fd, peer);
        }
        catch (ObjectDisposedException)
        {
            error = NativeError.BadDescriptor;
            return null;
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
