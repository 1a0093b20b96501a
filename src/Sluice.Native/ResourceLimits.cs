namespace Sluice.Native;

/// <summary>What this process may use, and uses.</summary>
internal static unsafe class ResourceLimits
{
    private const int RLIMIT_NOFILE = 7;

    /// <summary>The soft limit of open descriptors (RLIMIT_NOFILE). getrlimit(2).</summary>
    public static long MaxDescriptors()
    {
        ulong* limits = stackalloc ulong[2];
        return Libc.getrlimit(RLIMIT_NOFILE, limits) == 0 ? (long)Math.Min(limits[0], int.MaxValue) : int.MaxValue;
    }

    /// <summary>The descriptors open now, counted in /proc/self/fd.</summary>
    public static int OpenDescriptors()
    {
        try
        {
            return Directory.GetFileSystemEntries("/proc/self/fd").Length;
        }
        catch (IOException)
        {
            return 64;
        }
    }
}
