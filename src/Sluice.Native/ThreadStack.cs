using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>
/// Where a thread's stack lies, to ask whether the caller runs on that thread: a subtraction and a comparison, where asking for the thread's id is a
/// call and a look into its local storage. The default value is no thread's. pthread_getattr_np(3).
/// </summary>
internal readonly unsafe partial struct ThreadStack
{
    // Where glibc before 2.34 has these; later ones have an empty library of this name, which leads to libc, and musl takes it for itself.
    private const string Library = "libpthread.so.0";

    private const int AttributesSize = 128; // of pthread_attr_t: 56 bytes on x86-64, 64 on arm64

    private readonly nuint _low;
    private readonly nuint _size;

    private ThreadStack(nuint low, nuint size) => (_low, _size) = (low, size);

    /// <summary>Whether the calling thread is the one.</summary>
    public bool IsCallers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte here;
            return (nuint)(&here) - _low < _size;
        }
    }

    /// <summary>The stack of the calling thread.</summary>
    public static ThreadStack OfCaller()
    {
        byte* attributes = stackalloc byte[AttributesSize];
        nuint low = 0;
        nuint size = 0;
        int error = pthread_getattr_np(pthread_self(), attributes);
        if (error == 0)
        {
            error = pthread_attr_getstack(attributes, &low, &size);
            _ = pthread_attr_destroy(attributes);
        }

        return error == 0 ? new ThreadStack(low, size) : throw new InvalidOperationException($"The stack of the thread is not known: {Errno.Name(error)}");
    }

    [LibraryImport(Library)]
    private static partial nint pthread_self();

    [LibraryImport(Library)]
    private static partial int pthread_getattr_np(nint thread, byte* attributes);

    [LibraryImport(Library)]
    private static partial int pthread_attr_getstack(byte* attributes, nuint* low, nuint* size);

    [LibraryImport(Library)]
    private static partial int pthread_attr_destroy(byte* attributes);
}
