using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>
/// sendmsg(2) and recvmsg(2) on a connected Unix stream socket, with descriptors beside the bytes. For the socket's owner only, who alone closes it. unix(7).
/// </summary>
internal static unsafe class DescriptorMessages
{
    private const int MSG_CTRUNC = 8;
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;
    private const int MSG_CMSG_CLOEXEC = 0x40000000;
    private const int GetDescriptorFlags = 1; // F_GETFD

    /// <summary>
    /// The most descriptors of one receive. Its room has to do for other messages as well, which a socket may have that was passed to this process: the
    /// sender's credentials, its pidfd, its security label.
    /// </summary>
    public const int Most = 192;

    /// <summary>
    /// Receives bytes, and the descriptors that came with them, which are close-on-exec and the caller's to close, also if there is an error. A receive never
    /// goes beyond a message with descriptors. TooManyReferences: more came than there is room for, or than this process can have.
    /// </summary>
    public static SocketResult Receive(int socket, Span<byte> bytes, Span<int> descriptors, out int received, bool wait)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(descriptors.Length, Most);
        int size = ControlMessages.Space(Most);
        byte* control = stackalloc byte[size];
        received = 0;
        fixed (byte* start = bytes)
        {
            var vector = new IoVector { Start = start, Length = bytes.Length };
            var header = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = size };
            nint count = Libc.recvmsg(socket, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
            if (count < 0)
            {
                return SocketResult.Failed(Errno.Last);
            }

            received = ControlMessages.Take(header, descriptors);
            return (header.Flags & MSG_CTRUNC) == 0 ? SocketResult.Of((int)count) : SocketResult.Failed(NativeError.TooManyReferences);
        }
    }

    /// <summary>Sends some of <paramref name="bytes"/>, at least one or an error, and a copy of <paramref name="descriptor"/> with the first.</summary>
    public static SocketResult Send(int socket, ReadOnlySpan<byte> bytes, SafeHandle descriptor, bool wait)
    {
        byte* control = stackalloc byte[ControlMessages.Space(1)];
        bool isHeld = false;
        try
        {
            descriptor.DangerousAddRef(ref isHeld);
            int number = (int)descriptor.DangerousGetHandle();
            fixed (byte* start = bytes)
            {
                var vector = new IoVector { Start = start, Length = bytes.Length };
                var header = new MessageHeader { Vectors = &vector, VectorCount = 1 };
                ControlMessages.Put(ref header, control, [number]);
                nint count = Libc.sendmsg(socket, &header, MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
                return count >= 0 ? SocketResult.Of((int)count) : SocketResult.Failed(Errno.Last);
            }
        }
        catch (ObjectDisposedException)
        {
            return SocketResult.Failed(NativeError.BadDescriptor);
        }
        finally
        {
            if (isHeld)
            {
                descriptor.DangerousRelease();
            }
        }
    }

    /// <summary>Whether a descriptor is open. fcntl(2).</summary>
    public static bool IsOpen(SafeHandle descriptor)
    {
        bool isHeld = false;
        try
        {
            descriptor.DangerousAddRef(ref isHeld);
            return Libc.fcntl((int)descriptor.DangerousGetHandle(), GetDescriptorFlags, 0) >= 0;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        finally
        {
            if (isHeld)
            {
                descriptor.DangerousRelease();
            }
        }
    }
}
