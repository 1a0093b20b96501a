using System.Diagnostics;

namespace Sluice.Testing;

/// <summary>Waits for a state, never for a time. A state that does not come is a failure that says what was waited for.</summary>
public static class Eventually
{
    /// <summary>How long anything in a test may take before it counts as hanging.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    /// <summary>Waits until <paramref name="reached"/> says true.</summary>
    public static async Task Until(Func<bool> reached, string what, TimeSpan? within = null)
    {
        ArgumentNullException.ThrowIfNull(reached);
        var clock = Stopwatch.StartNew();
        TimeSpan deadline = within ?? Deadline;
        while (!reached())
        {
            if (clock.Elapsed > deadline)
            {
                throw new TimeoutException($"Not within {deadline.TotalSeconds:0.#} s: {what}.");
            }

            await Task.Delay(2);
        }
    }

    /// <summary>Whether it comes to that within a time. For what may happen or not.</summary>
    public static async Task<bool> WithinAsync(Func<bool> reached, TimeSpan within)
    {
        try
        {
            await Until(reached, "it may be", within);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Waits for <paramref name="task"/>, or fails with <paramref name="what"/> instead of hanging.</summary>
    public static async Task Within(this Task task, string what, TimeSpan? within = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        try
        {
            await task.WaitAsync(within ?? Deadline);
        }
        catch (TimeoutException late) when (!task.IsCompleted)
        {
            throw new TimeoutException($"Not within {(within ?? Deadline).TotalSeconds:0.#} s: {what}.", late);
        }
    }

    /// <inheritdoc cref="Within(Task, string, TimeSpan?)"/>
    public static async Task<T> Within<T>(this Task<T> task, string what, TimeSpan? within = null)
    {
        await Within((Task)task, what, within);
        return await task;
    }

    /// <summary>Watches that <paramref name="happens"/> stays false for <paramref name="time"/>: for what must not happen.</summary>
    public static async Task Never(Func<bool> happens, TimeSpan time, string what)
    {
        ArgumentNullException.ThrowIfNull(happens);
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < time)
        {
            if (happens())
            {
                throw new InvalidOperationException($"It happened after {clock.Elapsed.TotalSeconds:0.##} s: {what}.");
            }

            await Task.Delay(5);
        }
    }
}
