namespace Sluice.Native;

/// <summary>The descriptors in the control messages of sendmsg(2) and recvmsg(2): SCM_RIGHTS, cmsg(3).</summary>
internal static unsafe class ControlMessages
{
    private const int SOL_SOCKET = 1;
    private const int SCM_RIGHTS = 1;
    private const int SCM_PIDFD = 4;
    private const int Header = 16; // struct cmsghdr

    /// <summary>Room for a message with so many descriptors. CMSG_SPACE.</summary>
    public static int Space(int descriptors) => Aligned(Header + (descriptors * sizeof(int)));

    /// <summary>Puts descriptors beside what <paramref name="header"/> sends. <paramref name="control"/> has room for them and stays until it is sent.</summary>
    public static void Put(ref MessageHeader header, byte* control, ReadOnlySpan<int> descriptors)
    {
        *(nint*)control = Header + (descriptors.Length * sizeof(int));
        *(int*)(control + 8) = SOL_SOCKET;
        *(int*)(control + 12) = SCM_RIGHTS;
        descriptors.CopyTo(new Span<int>(control + Header, descriptors.Length));
        header.Control = control;
        header.ControlLength = Space(descriptors.Length);
    }

    /// <summary>
    /// Takes the descriptors that were received into <paramref name="descriptors"/>, which are the caller's to close. What there is no room for is closed.
    /// </summary>
    /// <returns>How many came; more than there is room for, if so.</returns>
    public static int Take(in MessageHeader header, Span<int> descriptors)
    {
        int taken = 0;
        for (nint at = 0; at + Header <= header.ControlLength;)
        {
            byte* message = (byte*)header.Control + at;
            nint length = *(nint*)message;
            if (length < Header || at + length > header.ControlLength)
            {
                break;
            }

            int kind = *(int*)(message + 8) == SOL_SOCKET ? *(int*)(message + 12) : 0;
            if (kind == SCM_PIDFD && length >= Header + sizeof(int))
            {
                _ = Libc.close(*(int*)(message + Header)); // of a socket that was passed to this process; nobody here has asked for it
            }
            else if (kind == SCM_RIGHTS)
            {
                foreach (int descriptor in new ReadOnlySpan<int>(message + Header, (int)((length - Header) / sizeof(int))))
                {
                    if (taken < descriptors.Length)
                    {
                        descriptors[taken] = descriptor;
                    }
                    else
                    {
                        _ = Libc.close(descriptor);
                    }

                    taken++;
                }
            }

            at += Aligned((int)length);
        }

        return taken;
    }

    private static int Aligned(int length) => (length + 7) & ~7;
}
