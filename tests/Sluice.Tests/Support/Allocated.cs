namespace Sluice.Tests.Support;

/// <summary>What a thread allocates, in bytes.</summary>
internal static class Allocated
{
    /// <summary>
    /// The least that <paramref name="rounds"/> have allocated, of a few times and after enough of them to be warm. The least, because a collection may empty the array
    /// pool in between; what each request costs is in all of them.
    /// </summary>
    public static long By(Action rounds)
    {
        long least = long.MaxValue;
        for (int time = 0; time < 8; time++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            rounds();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }
}
