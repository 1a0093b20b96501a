namespace Sluice.Native;

/// <summary>
/// One end of a SOCK_SEQPACKET socketpair(2): messages that stay whole, with descriptors beside them (SCM_RIGHTS). The other end's process has its own
/// copies of those; ours stay ours. unix(7), cmsg(3). One thread receives, any number send.
/// </summary>
internal sealed unsafe class DescriptorChannel : IDisposable
{
    /// <summary>The most descriptors of one message. SCM_MAX_FD.</summary>
    public const int MostDescriptors = 253;

    private const int AF_UNIX = 1;
    private const int SOCK_SEQPACKET_CLOEXEC = 5 | 0x80000;
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;
    private const int MSG_CMSG_CLOEXEC = 0x40000000;
    private const int MSG_CTRUNC = 8;
    private const int SetDescriptorFlags = 2; // F_SETFD
    private const int CloseOnExec = 1; // FD_CLOEXEC

    private static readonly int ControlSize = ControlMessages.Space(MostDescriptors);

    private readonly Lock _closing = new();
    private int _descriptor;

    /// <summary>Takes over a descriptor that this process was started with.</summary>
    public DescriptorChannel(int descriptor) => _descriptor = descriptor;

    /// <summary>For poll(2): readable when a message is here, or the other end is gone.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Makes a channel: our end, and the descriptor of the other for a child. The caller closes that one when it is passed.</summary>
    public static DescriptorChannel? Open(out int theirs, out NativeError error)
    {
        int* pair = stackalloc int[2];
        if (Libc.socketpair(AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0, pair) < 0)
        {
            (theirs, error) = (-1, Errno.Last);
            return null;
        }

        (theirs, error) = (pair[1], NativeError.None);
        return new DescriptorChannel(pair[0]);
    }

    /// <summary>Has a descriptor that this process was started with closed in the processes that it starts. fcntl(2).</summary>
    public void KeepFromChildren() => _ = Libc.fcntl(_descriptor, SetDescriptorFlags, CloseOnExec);

    /// <summary>Closes a descriptor that was received or made here.</summary>
    public static void Close(int descriptor) => _ = Libc.close(descriptor);

    /// <summary>Sends a message of at least one byte, all or nothing. BrokenPipe: the other end is gone. WouldBlock: it does not read.</summary>
    public NativeError Send(ReadOnlySpan<byte> message, ReadOnlySpan<int> descriptors = default)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MostDescriptors);
        byte* control = stackalloc byte[ControlSize];
        lock (_closing)
        {
            if (_descriptor < 0)
            {
                return NativeError.BrokenPipe;
            }

            fixed (byte* start = message)
            {
                var vector = new IoVector { Start = start, Length = message.Length };
                var header = new MessageHeader { Vectors = &vector, VectorCount = 1 };
                if (descriptors.Length > 0)
                {
                    ControlMessages.Put(ref header, control, descriptors);
                }

                while (true)
                {
                    if (Libc.sendmsg(_descriptor, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
                    {
                        return NativeError.None;
                    }

                    if (Errno.Last is var error && error != NativeError.Interrupted)
                    {
                        return error is NativeError.ConnectionReset or NativeError.NotConnected ? NativeError.BrokenPipe : error;
                    }
                }
            }
        }
    }

    /// <summary>
    /// Receives one message and the descriptors beside it, which are close-on-exec and the caller's to close. A count of 0: the other end is gone. A
    /// message that is longer than <paramref name="message"/> is cut.
    /// </summary>
    public SocketResult Receive(Span<byte> message, Span<int> descriptors, out int received, bool wait)
    {
        byte* control = stackalloc byte[ControlSize];
        received = 0;
        fixed (byte* start = message)
        {
            var vector = new IoVector { Start = start, Length = message.Length };
            var header = new MessageHeader { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = ControlSize };
            nint count = Libc.recvmsg(_descriptor, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
            if (count < 0)
            {
                NativeError error = Errno.Last;
                if (error != NativeError.ConnectionReset)
                {
                    return SocketResult.Failed(error);
                }

                // Said once, when the other end went with something unread; what it had said before is still here.
                header.ControlLength = ControlSize;
                count = Libc.recvmsg(_descriptor, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
                if (count < 0)
                {
                    return SocketResult.Of(0);
                }
            }

            // Everything of a message that the kernel has cut is closed (MSG_CTRUNC: this process has no descriptor left): half of them would be worse than none.
            bool isCut = (header.Flags & MSG_CTRUNC) != 0;
            int came = ControlMessages.Take(header, isCut ? [] : descriptors);
            received = isCut ? 0 : Math.Min(came, descriptors.Length);
            return SocketResult.Of((int)count);
        }
    }

    public void Dispose()
    {
        lock (_closing)
        {
            if (_descriptor >= 0)
            {
                _ = Libc.close(_descriptor);
                _descriptor = -1;
            }
        }
    }
}
