using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>getrlimit(2). No logic here.</summary>
internal static unsafe partial class Libc
{
    [LibraryImport(Library, SetLastError = true)]
    public static partial int getrlimit(int resource, ulong* limits);
}
