namespace Sluice.Native;

/// <summary>
/// pselect(2) over bitmaps of any length: bit <c>n % 64</c> of word <c>n / 64</c> stands for descriptor n. The limit of 1,024 is of the C
/// library's <c>fd_set</c> type; the kernel has none, and takes a longer bitmap.
/// </summary>
internal static unsafe class DescriptorSelect
{
    public const int BitsPerWord = 64;

    /// <summary>
    /// Waits until a descriptor of a set is ready, or for <paramref name="timeout"/> (<see cref="Timeout.InfiniteTimeSpan"/>: for ever). The
    /// sets are overwritten with what is ready; after an error they are as they were. An empty set stands for none.
    /// </summary>
    /// <param name="limit">One more than the highest descriptor in the sets.</param>
    /// <param name="read">Descriptors to read from: ready with bytes, a connection, FIN or an error.</param>
    /// <param name="write">Descriptors to write to: ready with room or an error.</param>
    /// <param name="except">Descriptors with urgent data (and, of a pseudo-terminal's master, a change of its other end).</param>
    /// <param name="timeout">How long to wait at most; zero looks only.</param>
    /// <param name="error">Interrupted by a signal; BadDescriptor for the whole call when a bit stands for a closed descriptor.</param>
    /// <returns>How many bits are set; 0 at the timeout and after an error.</returns>
    public static int Wait(int limit, Span<ulong> read, Span<ulong> write, Span<ulong> except, TimeSpan timeout, out NativeError error)
    {
        // The kernel reads and writes as many words as the limit says.
        int words = (limit + BitsPerWord - 1) / BitsPerWord;
        ThrowIfShort(read, words);
        ThrowIfShort(write, words);
        ThrowIfShort(except, words);
        long* time = stackalloc long[2]; // struct timespec { seconds, nanoseconds }
        time[0] = timeout.Ticks / TimeSpan.TicksPerSecond;
        time[1] = timeout.Ticks % TimeSpan.TicksPerSecond * TimeSpan.NanosecondsPerTick;
        fixed (ulong* reads = read, writes = write, excepts = except)
        {
            int ready = Libc.pselect(limit, reads, writes, excepts, timeout == Timeout.InfiniteTimeSpan ? null : time, null);
            error = ready < 0 ? Errno.Last : NativeError.None;
            return ready < 0 ? 0 : ready;
        }
    }

    private static void ThrowIfShort(ReadOnlySpan<ulong> set, int words)
    {
        if (!set.IsEmpty && set.Length < words)
        {
            throw new ArgumentOutOfRangeException(nameof(words), words, $"A set has {set.Length} words.");
        }
    }
}
