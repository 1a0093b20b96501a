namespace Sluice.Native;

/// <summary>How big a ring is: entries of the two queues and of the buffer ring (powers of two), and the bytes of one buffer.</summary>
internal readonly record struct RingShape(int Submissions, int Completions, int Buffers, int BufferSize)
{
    private const int PageOfBuffer = 4096;

    /// <summary>
    /// From the size we want, whose queues stay in the processor's caches (an enter makes at most 256 sends and seldom brings more receives), down to
    /// one that fits RLIMIT_MEMLOCK = 64 KiB, which kernels charge for ring memory when the process has no CAP_IPC_LOCK; the limit is per user, all
    /// rings together.
    /// </summary>
    public static readonly RingShape[] Steps =
    [
        new(256, 4096, 4096, PageOfBuffer),
        new(256, 4096, 2048, PageOfBuffer),
        new(256, 2048, 1024, PageOfBuffer),
        new(256, 512, 1024, PageOfBuffer),
    ];
}

/// <summary>In which order a ring is tried: fewer flags where the kernel is older, smaller where memory may not be locked.</summary>
internal static class RingSetup
{
    private const uint CompletionSize = 0x8;
    private const uint Clamp = 0x10;
    private const uint Disabled = 0x40; // until its owner starts it: SINGLE_ISSUER binds it to that thread
    private const uint SubmitAll = 0x80;
    private const uint SingleIssuer = 0x1000;
    private const uint DeferTaskrun = 0x2000;
    private const uint NoArray = 0x10000;

    // Without DEFER_TASKRUN and SINGLE_ISSUER a ring loses to epoll, so they are never dropped.
    private const uint Needed = CompletionSize | Clamp | Disabled | SingleIssuer | DeferTaskrun;

    /// <summary>The kernel gave a ring without the array of indices; it is to be left alone then.</summary>
    public static bool IsWithoutArray(uint flags) => (flags & NoArray) != 0;

    /// <summary>The first attempt that succeeds, or null and the last error.</summary>
    public static T? Find<T>(ReadOnlySpan<RingShape> shapes, Attempt<T> attempt, out NativeError error)
        where T : class
    {
        error = NativeError.InvalidArgument;
        foreach (RingShape shape in shapes)
        {
            T? ring = WithFlags(shape, attempt, out error);
            if (ring is not null || error != NativeError.NoMemory)
            {
                return ring;
            }
        }

        return null;
    }

    private static T? WithFlags<T>(RingShape shape, Attempt<T> attempt, out NativeError error)
        where T : class
    {
        error = NativeError.InvalidArgument;
        foreach (uint flags in (ReadOnlySpan<uint>)[Needed | SubmitAll | NoArray, Needed | SubmitAll, Needed])
        {
            T? ring = attempt(shape, flags, out error);
            if (ring is not null || error != NativeError.InvalidArgument)
            {
                return ring;
            }
        }

        return null;
    }

    /// <summary>Tries one size with one set of flags.</summary>
    internal delegate T? Attempt<T>(RingShape shape, uint flags, out NativeError error)
        where T : class;
}
