namespace Sluice.Native;

/// <summary>
/// Whether io_uring works here as the loop needs it. Asked of the behaviour, not of the kernel's version: distributions take features in early and
/// filters take them away again.
/// </summary>
internal static unsafe class IoUringProbe
{
    private const int AF_UNIX = 1;
    private const int SOCK_STREAM_CLOEXEC = 0x80001;
    private const int WaitMilliseconds = 2000;
    private const int TimerMilliseconds = 1;
    private const nint RegisterProbe = 8; // IORING_REGISTER_PROBE
    private const int AcceptOperation = 13;
    private const int CancelOperation = 14;
    private const int SendOperation = 26;
    private const int ProbedOperations = 64;
    private const int SentAtOnce = 64 * 1024;
    private const int MostSent = 64 * 1024 * 1024;
    private const ulong Receive = 1;
    private const ulong Sent = 2;

    // The smallest a loop takes, with buffers that cost nothing.
    private static readonly RingShape Smallest = RingShape.Steps[^1] with { BufferSize = 64 };
    private static readonly Lazy<string?> Answer = new(Ask);

    /// <summary>Why io_uring cannot be used, in one line; null when it can. Asked once for the process, in about a millisecond.</summary>
    public static string? Refusal => Answer.Value;

    /// <summary>The same, asked again.</summary>
    internal static string? Ask()
    {
        using IoUring? ring = IoUring.Open([Smallest], out NativeError error);
        ring?.Start();
        return ring is null ? Explain(error) : Ask(ring);
    }

    /// <summary>The cause of a refused setup, with what an operator can change.</summary>
    internal static string Explain(NativeError error) => error switch
    {
        NativeError.NotPermitted => "io_uring_setup is not permitted here (EPERM: kernel.io_uring_disabled, or a container's seccomp profile)",
        NativeError.AccessDenied => "io_uring_setup is not permitted here (EACCES: a security module refuses it)",
        NativeError.NotImplemented => "this kernel has no io_uring (ENOSYS)",
        NativeError.NoMemory => "io_uring may not lock enough memory (ENOMEM: RLIMIT_MEMLOCK is too low)",
        NativeError.InvalidArgument => "this kernel's io_uring lacks what the loop needs (EINVAL: DEFER_TASKRUN and buffer rings, Linux 6.1)",
        NativeError.ProcessFileLimit or NativeError.SystemFileLimit => "no descriptor is left for io_uring (EMFILE: raise ulimit -n)",
        _ => $"io_uring_setup failed ({error})",
    };

    private static string? Ask(IoUring ring)
    {
        int* pair = stackalloc int[2];
        if (Libc.socketpair(AF_UNIX, SOCK_STREAM_CLOEXEC, 0, pair) < 0)
        {
            return $"io_uring could not be tried: socketpair failed ({Errno.Last})";
        }

        try
        {
            return Operations(ring) ?? Waiting(ring) ?? Sending(ring, pair[0]) ?? Receiving(ring, pair[0], pair[1]);
        }
        finally
        {
            _ = Libc.close(pair[1]);
            ring.Dispose(); // before the socket it may still receive from
            _ = Libc.close(pair[0]);
        }
    }

    private static string? Operations(IoUring ring) =>
        ring.Supports(AcceptOperation) && ring.Supports(CancelOperation) && ring.Supports(SendOperation)
            ? null : "this kernel's io_uring lacks accept, send or cancel";

    // A wait with a timeout and nothing to wait for. Setup may be allowed where entering is filtered.
    private static string? Waiting(IoUring ring) => ring.Enter(1, TimerMilliseconds) switch
    {
        NativeError.None => null,
        NativeError.NotPermitted or NativeError.AccessDenied => "io_uring_enter is not permitted here (a seccomp profile lets only io_uring_setup through)",
        NativeError error => $"io_uring_enter failed ({error})",
    };

    private static string? Receiving(IoUring ring, int receiver, int sender)
    {
        byte[] pinned = GC.AllocateArray<byte>(2, pinned: true);
        ring.ReceiveMultishot(receiver, Receive, pollFirst: true);
        ring.SendNow(sender, pinned, 0, pinned.Length, Sent);
        if (!Next(ring, Receive, out RingCompletion received) || received is not { Succeeded: true, Count: 2, HasMore: true, HasBuffer: true })
        {
            return $"io_uring does not receive many times into a buffer ring here ({received})";
        }

        _ = Libc.shutdown(sender, (int)System.Net.Sockets.SocketShutdown.Send);
        return Next(ring, Receive, out RingCompletion end) && end is { Succeeded: true, Count: 0, HasMore: false }
            ? null : $"io_uring does not tell the end of a stream here ({end})";
    }

    // Into a socket that nobody reads: all goes while there is room, then one completion says that it did not. Each is here when the enter returns.
    private static string? Sending(IoUring ring, int sender)
    {
        byte[] pinned = GC.AllocateArray<byte>(SentAtOnce, pinned: true);
        for (int sent = 0; sent < MostSent; sent += SentAtOnce)
        {
            ring.SendNow(sender, pinned, 0, pinned.Length, Sent);
            if (ring.Enter(0, 0) != NativeError.None || !ring.TryTake(out RingCompletion completion) || completion.Token != Sent)
            {
                return "io_uring does not say at once what came of a send here";
            }

            if (completion.Count != SentAtOnce)
            {
                bool isShort = sent > 0 && (completion.Succeeded || completion.Error == NativeError.WouldBlock);
                return isShort ? null : $"io_uring does not send here ({completion})";
            }
        }

        return "io_uring does not say that a socket is full here";
    }

    private static bool Next(IoUring ring, ulong token, out RingCompletion completion)
    {
        long end = Environment.TickCount64 + WaitMilliseconds;
        do
        {
            while (ring.TryTake(out completion))
            {
                if (completion.HasBuffer)
                {
                    ring.Buffers.Take();
                    ring.Buffers.Return(completion.BufferId);
                }

                if (completion.Token == token)
                {
                    return true;
                }
            }
        }
        while (ring.Enter(1, WaitMilliseconds) == NativeError.None && Environment.TickCount64 < end);
        return false;
    }

    /// <summary>IORING_REGISTER_PROBE: whether the kernel knows an operation.</summary>
    internal static bool Supports(int ring, int operation)
    {
        // struct io_uring_probe is 16 bytes and 8 for each operation: u8 number, u8, u16 flags (1: supported), u32.
        byte* probe = stackalloc byte[16 + (8 * ProbedOperations)];
        new Span<byte>(probe, 16 + (8 * ProbedOperations)).Clear();
        return Libc.syscall(Libc.IoUringRegister, ring, RegisterProbe, (nint)probe, ProbedOperations, 0, 0) >= 0
            && operation <= probe[0] && (*(ushort*)(probe + 16 + (8 * operation) + 2) & 1) != 0;
    }
}
