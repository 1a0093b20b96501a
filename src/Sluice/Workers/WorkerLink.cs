using Sluice.Native;

namespace Sluice.Workers;

/// <summary>Either end of the channel between a master and one worker, in messages. Any thread sends; one receives.</summary>
internal sealed class WorkerLink(DescriptorChannel channel) : IDisposable
{
    /// <summary>Its descriptor in a process that was started with one.</summary>
    public const int InNewProcess = 3;

    private readonly byte[] _received = new byte[WorkerMessage.MostBytes];

    /// <summary>The end that this process was started with. Once.</summary>
    public static WorkerLink ToParent()
    {
        DescriptorChannel channel = new(InNewProcess);
        channel.KeepFromChildren();
        return new WorkerLink(channel);
    }

    /// <summary>For poll(2).</summary>
    public int Descriptor => channel.Descriptor;

    /// <summary>Sends a message, with copies of <paramref name="descriptors"/>. False: the other end is gone, or does not read.</summary>
    public bool TrySend(in WorkerMessage message, ReadOnlySpan<int> descriptors = default)
    {
        Span<byte> bytes = stackalloc byte[WorkerMessage.MostBytes];
        return channel.Send(bytes[..message.Write(bytes)], descriptors) == NativeError.None;
    }

    /// <summary>
    /// Receives the next message, and the descriptors that came along, which are the caller's to close. What is no message is passed over.
    /// </summary>
    /// <returns><see cref="LinkState.Open"/> with a message, or <see cref="LinkState.Empty"/> (only without <paramref name="wait"/>), or <see cref="LinkState.Closed"/>.</returns>
    public LinkState Receive(out WorkerMessage message, out int[] descriptors, bool wait)
    {
        Span<int> received = stackalloc int[DescriptorChannel.MostDescriptors];
        while (true)
        {
            SocketResult got = channel.Receive(_received, received, out int count, wait);
            if (got.Error == NativeError.Interrupted)
            {
                continue;
            }

            (message, descriptors) = (default, []);
            if (!got.Succeeded || got.Count == 0)
            {
                return got.Error == NativeError.WouldBlock ? LinkState.Empty : LinkState.Closed;
            }

            if (WorkerMessage.TryRead(_received.AsSpan(0, got.Count), out message))
            {
                descriptors = received[..count].ToArray();
                return LinkState.Open;
            }

            Close(received[..count]);
        }
    }

    /// <summary>Closes descriptors that came along and are not wanted.</summary>
    public static void Close(ReadOnlySpan<int> descriptors)
    {
        foreach (int descriptor in descriptors)
        {
            DescriptorChannel.Close(descriptor);
        }
    }

    public void Dispose() => channel.Dispose();
}

/// <summary>What a receive found.</summary>
internal enum LinkState
{
    /// <summary>A message.</summary>
    Open,

    /// <summary>None yet.</summary>
    Empty,

    /// <summary>The other end is gone.</summary>
    Closed,
}
