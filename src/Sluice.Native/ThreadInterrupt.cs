using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>
/// A signal that does nothing but make a blocking system call of one thread return EINTR. It lets a blocked recv(2) be woken at once without
/// SO_RCVTIMEO, whose timer costs a request 2 to 5 % and an idle connection a wake-up a second. signal(7), tgkill(2).
/// </summary>
internal static partial class ThreadInterrupt
{
    // A real-time signal in the middle of the range: the C library has the first two, .NET the third, others usually count from the ends.
    private const int Signal = 50;

    [ThreadStatic]
    private static int _current;

    /// <summary>Whether the signal could be set up; without it a blocking receive needs a timeout to be cancelled.</summary>
    public static bool IsSupported { get; } = ProcessSignals.DoNothingOn(Signal, interrupts: true);

    /// <summary>The kernel's number of the calling thread.</summary>
    public static int CurrentThread => _current != 0 ? _current : _current = gettid();

    /// <summary>
    /// Interrupts the system call that <paramref name="thread"/> is in, if it is in one at this moment: whoever wants it out of its call repeats
    /// this until it is.
    /// </summary>
    public static void Interrupt(int thread) => _ = tgkill(Environment.ProcessId, thread, Signal);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int tgkill(int process, int thread, int signal);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int gettid();
}
