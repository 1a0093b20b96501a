namespace Sluice.Native;

/// <summary>How a child process ended, and what it had used.</summary>
/// <param name="Code">Its exit code; 0 when a signal ended it.</param>
/// <param name="Signal">The signal that ended it; 0 when it exited.</param>
/// <param name="ProcessorTime">User and system time.</param>
/// <param name="LargestResident">The most memory that it had resident, in bytes.</param>
internal readonly record struct ChildExit(int Code, int Signal, TimeSpan ProcessorTime, long LargestResident)
{
    private static readonly string[] Names =
    [
        "", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE",
        "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ",
    ];

    public override string ToString() => Signal == 0 ? $"exited with {Code}" : $"was ended by {(Signal < Names.Length ? Names[Signal] : $"signal {Signal}")}";
}
