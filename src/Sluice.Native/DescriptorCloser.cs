using System.Collections.Concurrent;

namespace Sluice.Native;

/// <summary>
/// Closes what others have passed, on a thread of its own: close(2) may wait, of a file of FUSE for its server, of a socket for its linger, and who passes a
/// descriptor chooses what it is. From any thread.
/// </summary>
internal static class DescriptorCloser
{
    private static readonly Lazy<BlockingCollection<int>> ToClose = new(Start);

    /// <summary>Closes it soon. It is this call's from here on.</summary>
    public static void Close(int descriptor) => ToClose.Value.Add(descriptor);

    private static BlockingCollection<int> Start()
    {
        var descriptors = new BlockingCollection<int>();
        new Thread(() => CloseEach(descriptors), maxStackSize: 256 * 1024) { IsBackground = true, Name = "sluice-closer" }.UnsafeStart();
        return descriptors;
    }

    private static void CloseEach(BlockingCollection<int> descriptors)
    {
        foreach (int descriptor in descriptors.GetConsumingEnumerable())
        {
            _ = Libc.close(descriptor);
        }
    }
}
