using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>What this process does with a signal. sigaction(2), kill(2).</summary>
internal static unsafe partial class ProcessSignals
{
    public const int HangUp = 1, Interrupt = 2, UserDefined2 = 12, Terminate = 15;

    // struct sigaction of glibc: handler, a mask of 1,024 bits, flags, restorer.
    private const int HandlerOffset = 0;
    private const int FlagsOffset = 136;
    private const int SigactionSize = 152;
    private const int Restart = 0x10000000; // SA_RESTART

    /// <summary>
    /// Has the signal do nothing from now on, but make a blocking system call return EINTR if <paramref name="interrupts"/>. By a handler and not by SIG_IGN, which
    /// every program that is started from here would inherit. False when that cannot be set up.
    /// </summary>
    public static bool DoNothingOn(int number, bool interrupts)
    {
        // The handler must be native: a managed one could be entered while its thread runs managed code. Any function of the C library that takes
        // nothing and cannot fail will do; it sees the signal's number as an argument that it does not look at.
        if (!NativeLibrary.TryLoad("libc.so.6", out nint library) || !NativeLibrary.TryGetExport(library, "getppid", out nint nothing))
        {
            return false;
        }

        byte* action = stackalloc byte[SigactionSize];
        new Span<byte>(action, SigactionSize).Clear();
        *(nint*)(action + HandlerOffset) = nothing;
        *(int*)(action + FlagsOffset) = interrupts ? 0 : Restart;
        return sigaction(number, action, null) == 0;
    }

    /// <summary>Sends a signal to another process. kill(2).</summary>
    public static NativeError Send(int process, int number) => Libc.kill(process, number) == 0 ? NativeError.None : Errno.Last;

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sigaction(int signal, byte* action, byte* old);
}
