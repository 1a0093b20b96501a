using Sluice.Native;

namespace Sluice.Models.Completion;

/// <summary>
/// What was received and not read yet, of all connections of a loop: each has a queue of the ring's buffers, linked by their ids, so that a queue costs
/// its connection eight bytes and nothing else.
/// </summary>
internal sealed class ReceiveQueues(BufferRing buffers)
{
    private ushort[] _next = new ushort[buffers.Count];
    private ushort[] _counts = new ushort[buffers.Count];

    /// <summary>Puts a buffer with <paramref name="count"/> bytes at the end of a queue.</summary>
    public void Add(ref ReceiveQueue queue, ushort id, int count)
    {
        if (id >= _next.Length)
        {
            Array.Resize(ref _next, buffers.Count); // spares have been added
            Array.Resize(ref _counts, buffers.Count);
        }

        _counts[id] = (ushort)count;
        if (queue.Count++ == 0)
        {
            queue.First = id;
        }
        else
        {
            _next[queue.Last] = id;
        }

        queue.Last = id;
    }

    /// <summary>The unread bytes of the first buffer of a queue that is not empty.</summary>
    public ReadOnlySpan<byte> Peek(in ReceiveQueue queue) =>
        buffers.ArrayOf(queue.First).AsSpan(buffers.OffsetOf(queue.First) + queue.Read, _counts[queue.First] - queue.Read);

    /// <summary>Takes <paramref name="count"/> bytes of <see cref="Peek"/> as read; a buffer that is read goes back to the ring.</summary>
    public void Advance(ref ReceiveQueue queue, int count)
    {
        queue.Read += (ushort)count;
        if (queue.Read == _counts[queue.First])
        {
            RemoveFirst(ref queue);
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear(ref ReceiveQueue queue)
    {
        while (queue.Count > 0)
        {
            RemoveFirst(ref queue);
        }
    }

    private void RemoveFirst(ref ReceiveQueue queue)
    {
        ushort id = queue.First;
        queue.First = _next[id];
        queue.Read = 0;
        queue.Count--;
        buffers.Return(id);
    }
}

/// <summary>One connection's queue: first and last buffer, bytes read of the first, and how many there are.</summary>
internal struct ReceiveQueue
{
    public ushort First;
    public ushort Last;
    public ushort Read;
    public ushort Count;
}
