using System.Runtime.InteropServices;

namespace Sluice.Cli.Serving;

/// <summary>SIGTERM and SIGINT: the first asks to drain, the second means now. .NET runs the callbacks on a thread of their own, so a busy pool delays neither.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource _first = new();
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _second = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;
    private int _count;

    public StopSignals() => _registrations = [PosixSignalRegistration.Create(PosixSignal.SIGTERM, On), PosixSignalRegistration.Create(PosixSignal.SIGINT, On)];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken First => _first.Token;

    /// <summary>Ends with the first signal.</summary>
    public Task AskedAsync => _asked.Task;

    /// <summary>Ends with the second signal.</summary>
    public Task Second => _second.Task;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _first.Dispose();
    }

    private void On(PosixSignalContext signal)
    {
        signal.Cancel = true; // the default would end the process here
        if (Interlocked.Increment(ref _count) == 1)
        {
            _asked.TrySetResult();
            _first.Cancel();
        }
        else
        {
            _second.TrySetResult();
        }
    }
}
