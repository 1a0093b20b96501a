namespace Sluice.Models;

/// <summary>How many connections a model still serves, and a task for when the last has ended.</summary>
internal sealed class RunningCount
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // One more than are served, until the model has stopped accepting.
    private int _count = 1;

    public void Add() => Interlocked.Increment(ref _count);

    public void Remove()
    {
        if (Interlocked.Decrement(ref _count) == 0)
        {
            _ended.SetResult();
        }
    }

    /// <summary>No more will be added; the task ends with the last one.</summary>
    public Task EndedAsync()
    {
        Remove();
        return _ended.Task;
    }
}
