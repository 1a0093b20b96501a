namespace Sluice;

/// <summary>
/// Cancellation tokens that nearly nobody asks for: a source is made when somebody does. Who fires sets a flag and then calls <see cref="Fire"/>; who asks calls
/// <see cref="Source"/>, then looks at the flag, and cancels if it is set: one sees the other.
/// </summary>
internal static class OnDemandToken
{
    /// <summary>The source, made now if it is not there.</summary>
    public static CancellationTokenSource Source(ref CancellationTokenSource? source) => Volatile.Read(ref source) ?? Publish(ref source);

    /// <summary>Cancels it, if it is there, on a thread of the pool: its callbacks are the handler's.</summary>
    public static void Fire(ref CancellationTokenSource? source)
    {
        if (Volatile.Read(ref source) is { IsCancellationRequested: false } asked)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static asked => Cancel(asked), asked, preferLocal: false);
        }
    }

    /// <summary>Cancels it here and now.</summary>
    public static void Cancel(CancellationTokenSource source)
    {
        try
        {
            source.Cancel();
        }
        catch (AggregateException)
        {
            // What a callback of the handler's throws is the handler's business; it must not take the process down.
        }
    }

    private static CancellationTokenSource Publish(ref CancellationTokenSource? source)
    {
        var created = new CancellationTokenSource();
        return Interlocked.CompareExchange(ref source, created, comparand: null) ?? created;
    }
}
