using Microsoft.Win32.SafeHandles;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>The descriptors that a peer has passed, in the order they came, until somebody takes them or the connection ends. From any thread.</summary>
internal sealed class ReceivedDescriptors
{
    /// <summary>The most that wait: a peer can pass them for nothing, and each is one of this process's.</summary>
    public const int Most = 64;

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
            DescriptorCloser.Close(descriptor);
        }
    }
}
