using Sluice.Accepting;
using Sluice.Models;

namespace Sluice;

/// <summary>The models of one server, each with the listeners it serves. Nearly always there is one.</summary>
internal sealed class RunningModels(IReadOnlyList<(ConcurrencyModel Model, ServerContext Context)> all)
{
    private Task? _started;

    /// <summary>Ends when all serve.</summary>
    public Task Started => _started ??= Task.WhenAll(all.Select(one => one.Context.Started));

    /// <summary>Replaces the workers, one after the other; null where none live on.</summary>
    public Func<Task>? Restart => all.Select(one => one.Context.Restart).FirstOrDefault(restart => restart is not null);

    /// <inheritdoc cref="ServerContext.OthersAccept"/>
    public bool OthersAccept
    {
        get => all[0].Context.OthersAccept;
        set
        {
            foreach ((_, ServerContext context) in all)
            {
                context.OthersAccept = value;
            }
        }
    }

    /// <summary>Whether those who serve have moved since the last call, as far as that can be told.</summary>
    public bool ShowsLife()
    {
        bool lives = true;
        foreach ((_, ServerContext context) in all)
        {
            lives &= context.Pulse?.Invoke() ?? true;
        }

        return lives;
    }

    /// <summary>Serves until <paramref name="stop"/>, and every handler has ended. Where one model fails, all stop.</summary>
    public Task RunAsync(CancellationTokenSource stop)
    {
        if (all is [var (model, context)])
        {
            return model.RunAsync(context, stop.Token);
        }

        return RunAllAsync([.. all.Select(one => RunOneAsync(one.Model, one.Context, stop.Token))], stop);
    }

    /// <summary>What the first model that failed has failed with; null when all go on.</summary>
    public Exception? Failure { get; private set; }

    // A model may throw before it has a task.
    private async Task RunOneAsync(ConcurrencyModel model, ServerContext context, CancellationToken stop)
    {
        try
        {
            await model.RunAsync(context, stop);
        }
        catch (Exception error)
        {
            Failure ??= error;
            throw;
        }
    }

    private static async Task RunAllAsync(Task[] running, CancellationTokenSource stop)
    {
        var left = running.ToList();
        while (left.Count > 0)
        {
            Task ended = await Task.WhenAny(left);
            left.Remove(ended);
            if (ended.IsFaulted)
            {
                await stop.CancelAsync();
            }
        }

        await Task.WhenAll(running);
    }
}
