using System.Runtime.InteropServices;

namespace Sluice.Testing;

/// <summary>Descriptors that this process would leave to those it starts.</summary>
public static class InheritableDescriptors
{
    private const int SetFlags = 2; // F_SETFD

    public static void Make(SafeHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        if (fcntl((int)handle.DangerousGetHandle(), SetFlags, 0) != 0)
        {
            throw new InvalidOperationException("fcntl failed");
        }
    }

    [DllImport("libc")]
    private static extern int fcntl(int fd, int command, nint argument);
}
