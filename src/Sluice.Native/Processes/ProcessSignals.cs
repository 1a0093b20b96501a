using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>What this process does with a signal. signal(2).</summary>
internal static partial class ProcessSignals
{
    public const int HangUp = 1, Interrupt = 2, UserDefined2 = 12, Terminate = 15;

    private const nint IgnoreIt = 1; // SIG_IGN

    /// <summary>Has the signal do nothing from now on; processes that are started with posix_spawn(3) here have its default again.</summary>
    public static void Ignore(int number) => _ = signal(number, IgnoreIt);

    /// <summary>Sends a signal to another process. kill(2).</summary>
    public static NativeError Send(int process, int number) => Libc.kill(process, number) == 0 ? NativeError.None : Errno.Last;

    [LibraryImport("libc")]
    private static partial nint signal(int number, nint handler);
}
