using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>The descriptors that a peer has passed, in the order they came, until somebody takes them or the connection ends. From any thread.</summary>
internal sealed class ReceivedDescriptors
{
    /// <summary>The most that wait: a peer can pass them for nothing, and each is one of this process's.</summary>
    public const int Most = 64;

    // close(2) may wait: of a file of FUSE for its server, of a socket for its linger. A peer chooses what it passes, so that nobody else may wait with it.
    private static readonly Lazy<BlockingCollection<int>> ToClose = new(StartClosing);

    private readonly Queue<int> _waiting = new();
    private bool _isClosed;

    /// <summary>Takes descriptors over. False when there are too many: then all are closed, and so is what comes later.</summary>
    public bool TryAdd(ReadOnlySpan<int> descriptors)
    {
        lock (_waiting)
        {
            foreach (int descriptor in descriptors)
            {
                _waiting.Enqueue(descriptor);
            }

            if (_isClosed || _waiting.Count > Most)
            {
                CloseAll();
                return false;
            }

            return true;
        }
    }

    /// <summary>The first one; null when there is none.</summary>
    public SafeFileHandle? Take()
    {
        lock (_waiting)
        {
            return _waiting.TryDequeue(out int descriptor) ? new SafeFileHandle(descriptor, ownsHandle: true) : null;
        }
    }

    /// <summary>Closes all that nobody has taken, soon.</summary>
    public void Close()
    {
        lock (_waiting)
        {
            CloseAll();
        }
    }

    private void CloseAll()
    {
        _isClosed = true;
        while (_waiting.TryDequeue(out int descriptor))
        {
            ToClose.Value.Add(descriptor);
        }
    }

    private static BlockingCollection<int> StartClosing()
    {
        var descriptors = new BlockingCollection<int>();
        new Thread(() => CloseEach(descriptors), maxStackSize: 256 * 1024) { IsBackground = true, Name = "sluice-closer" }.UnsafeStart();
        return descriptors;
    }

    private static void CloseEach(BlockingCollection<int> descriptors)
    {
        foreach (int descriptor in descriptors.GetConsumingEnumerable())
        {
            DescriptorMessages.Close(descriptor);
        }
    }
}
