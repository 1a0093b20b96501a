using System.Runtime.InteropServices;
using System.Threading.Channels;

namespace Sluice.Cli.Serving;

/// <summary>What an operator asks of a running server by a signal, beside stopping.</summary>
internal enum RestartSignal
{
    /// <summary>SIGUSR2: a new process takes over.</summary>
    Upgrade,

    /// <summary>SIGHUP: new workers.</summary>
    Workers,
}

/// <summary>SIGUSR2 and SIGHUP, one after the other: those that come while one is acted on wait for it.</summary>
internal sealed class RestartSignals : IDisposable
{
    private const PosixSignal UserDefined2 = (PosixSignal)12; // SIGUSR2, which .NET has no name for

    private readonly Channel<RestartSignal> _asked = Channel.CreateUnbounded<RestartSignal>();
    private readonly PosixSignalRegistration[] _registrations;

    public RestartSignals() => _registrations =
    [
        PosixSignalRegistration.Create(UserDefined2, signal => On(signal, RestartSignal.Upgrade)),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal => On(signal, RestartSignal.Workers)),
    ];

    /// <summary>The signals as they come.</summary>
    public ChannelReader<RestartSignal> Asked => _asked.Reader;

    public void Dispose() => Array.ForEach(_registrations, static registration => registration.Dispose());

    private void On(PosixSignalContext context, RestartSignal signal)
    {
        context.Cancel = true; // the default would end the process here
        _asked.Writer.TryWrite(signal);
    }
}
