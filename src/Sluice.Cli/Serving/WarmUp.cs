namespace Sluice.Cli.Serving;

/// <summary>
/// Starts, while descriptors are plenty, what the runtime would start later: a .NET process that has run out of them may abort when it opens
/// an assembly or starts its first pool thread or timer.
/// </summary>
internal static class WarmUp
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    public static void Run()
    {
        int threads = Environment.ProcessorCount;
        ThreadPool.SetMinThreads(Math.Max(threads, 4), Math.Max(threads, 4));

        // Each work item holds its thread until all have one, so that as many threads are made.
        using var all = new Barrier(threads + 1);
        for (int i = 0; i < threads; i++)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static all => Meet(all), all, preferLocal: false);
        }

        Meet(all);
        using var timer = new Timer(static _ => { }, state: null, dueTime: 0, Timeout.Infinite);
    }

    private static void Meet(Barrier all)
    {
        try
        {
            all.SignalAndWait(Patience);
        }
        catch (ObjectDisposedException)
        {
            // This thread came later than the patience of the others.
        }
    }
}
