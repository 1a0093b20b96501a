using System.Runtime.InteropServices;

namespace Sluice.Testing;

/// <summary>Descriptors that this process would leave to those it starts.</summary>
public static class InheritableDescriptors
{
    private const int Duplicate = 0; // F_DUPFD
    private const int SetFlags = 2; // F_SETFD

    public static void Make(SafeHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        if (fcntl((int)handle.DangerousGetHandle(), SetFlags, 0) != 0)
        {
            throw new InvalidOperationException("fcntl failed");
        }
    }

    /// <summary>Another descriptor of the same socket, to be closed by whoever takes it.</summary>
    public static int Copy(SafeHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        return fcntl((int)handle.DangerousGetHandle(), Duplicate, 0);
    }

    [DllImport("libc")]
    private static extern int fcntl(int fd, int command, nint argument);
}
