namespace Sluice.Transports;

/// <summary>What a datagram socket has moved, since the server began. Any thread reads; those that receive count.</summary>
internal sealed class DatagramTraffic(DatagramListener listener)
{
    private long _received;
    private long _bytesReceived;
    private long _sent;
    private long _bytesSent;
    private long _truncated;
    private long _notSent;
    private long _droppedByKernel;
    private long _droppedHere;
    private uint _kernelCount;

    public DatagramListener Listener => listener;

    public long Received => Interlocked.Read(ref _received);

    public long BytesReceived => Interlocked.Read(ref _bytesReceived);

    public long Sent => Interlocked.Read(ref _sent);

    public long BytesSent => Interlocked.Read(ref _bytesSent);

    public long Truncated => Interlocked.Read(ref _truncated);

    public long NotSent => Interlocked.Read(ref _notSent);

    public long DroppedByKernel => Interlocked.Read(ref _droppedByKernel);

    public long DroppedHere => Interlocked.Read(ref _droppedHere);

    public void CountReceived(int datagrams, long bytes, int truncated)
    {
        Interlocked.Add(ref _received, datagrams);
        Interlocked.Add(ref _bytesReceived, bytes);
        if (truncated > 0)
        {
            Interlocked.Add(ref _truncated, truncated);
        }
    }

    public void CountSent(int datagrams, long bytes)
    {
        Interlocked.Add(ref _sent, datagrams);
        Interlocked.Add(ref _bytesSent, bytes);
    }

    public void CountNotSent() => Interlocked.Increment(ref _notSent);

    public void CountDropped(int datagrams) => Interlocked.Add(ref _droppedHere, datagrams);

    /// <summary>What the kernel had dropped before is another's.</summary>
    public void BeginAt(uint kernelCount) => Volatile.Write(ref _kernelCount, kernelCount);

    /// <summary>The kernel says how many it has dropped in all, modulo 2^32; returns how many of them are new.</summary>
    public long SetKernelCount(uint count)
    {
        uint before = Interlocked.Exchange(ref _kernelCount, count);
        int more = (int)(count - before); // another thread may have brought a later one
        if (more > 0)
        {
            Interlocked.Add(ref _droppedByKernel, more);
        }

        return Math.Max(more, 0);
    }
}
