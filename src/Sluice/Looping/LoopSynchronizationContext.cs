namespace Sluice.Looping;

/// <summary>Brings what a handler awaited elsewhere (Task.Delay, HttpClient) home to its loop. Our own pipes do not go this way.</summary>
internal sealed class LoopSynchronizationContext(Loop loop) : SynchronizationContext
{
    public override void Post(SendOrPostCallback d, object? state) => loop.Post(d, state);

    /// <summary>Runs it at once on the loop's thread; from another thread it waits until the loop has.</summary>
    public override void Send(SendOrPostCallback d, object? state)
    {
        if (loop.IsCurrent)
        {
            d(state);
            return;
        }

        using var done = new ManualResetEventSlim();
        loop.Post(_ =>
        {
            try
            {
                d(state);
            }
            finally
            {
                done.Set();
            }
        }, null);
        done.Wait();
    }

    public override SynchronizationContext CreateCopy() => this;
}
