using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Programs;

/// <summary>Waits without a thread for the end of a process, by its pidfd, and reaps it.</summary>
internal sealed class ChildWatch(ChildProcess child) : IReadinessObserver
{
    private readonly TaskCompletionSource<ChildExit> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task<ChildExit> EndAsync()
    {
        if (!ReadinessNotifier.Shared.TryWatch(child.Descriptor, this, out ulong watch))
        {
            return await Task.Factory.StartNew(Wait, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        ChildExit exit = await _ended.Task.ConfigureAwait(false);
        ReadinessNotifier.Shared.Unwatch(watch);
        return exit;
    }

    // A pidfd is readable when its process has ended. One that cannot be reaped was by the system, which forgets how it ended: SIGCHLD is ignored here.
    void IReadinessObserver.OnReadiness(Readiness readiness)
    {
        if ((readiness & Readiness.Read) != 0 && !_ended.Task.IsCompleted)
        {
            child.TryReap(out ChildExit exit);
            _ended.TrySetResult(exit);
        }
    }

    private ChildExit Wait()
    {
        child.TryReap(-1, out ChildExit exit);
        return exit;
    }
}
