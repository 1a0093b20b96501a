using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>Constants of open(2) and its relatives.</summary>
internal static class FileFlags
{
    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;

    /// <summary>O_NONBLOCK: opening a FIFO that nobody writes does not wait.</summary>
    public const int NonBlocking = 0x800;

    public const int CloseOnExec = 0x80000;

    /// <summary>AT_FDCWD: a relative path starts at the working directory.</summary>
    public const int WorkingDirectory = -100;

    public const int SymlinkNoFollow = 0x100;
    public const int EmptyPath = 0x1000;

    // The two flags that Linux numbers differently on arm64.
    private static readonly bool Arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    public static readonly int Directory = Arm ? 0x4000 : 0x10000;
    public static readonly int NoFollow = Arm ? 0x8000 : 0x20000;
}
