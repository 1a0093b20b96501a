using System.Runtime.InteropServices;

namespace Sluice.Connections;

/// <summary>Messages that are sent between two flushes of the handler: bounded, in order, each whole. Of others, and of the handler's those that carry a descriptor.</summary>
internal sealed class Outbox
{
    private readonly Queue<byte[]> _messages = new();
    private Queue<(byte[] Message, SafeHandle Descriptor)>? _descriptors; // each held until it is sent
    private int _sent; // of the first message
    private volatile int _bytes;

    public bool IsEmpty => _bytes == 0;

    /// <summary>Copies <paramref name="message"/> in, or says false when that would be more than <paramref name="maximum"/> bytes.</summary>
    public bool TryEnqueue(ReadOnlySpan<byte> message, int maximum)
    {
        lock (_messages)
        {
            if (message.Length > maximum - _bytes)
            {
                return false;
            }

            if (message.Length > 0)
            {
                _messages.Enqueue(message.ToArray());
                _bytes += message.Length;
            }

            return true;
        }
    }

    /// <summary>Copies <paramref name="message"/> in, which its sender waits for, and holds the descriptor that goes with its first byte.</summary>
    public void Enqueue(ReadOnlySpan<byte> message, SafeHandle descriptor)
    {
        bool isHeld = false;
        descriptor.DangerousAddRef(ref isHeld);
        lock (_messages)
        {
            byte[] copy = message.ToArray();
            _messages.Enqueue(copy);
            (_descriptors ??= new()).Enqueue((copy, descriptor));
            _bytes += copy.Length;
        }
    }

    /// <summary>
    /// The rest of the first message, and the descriptor that has to go with it. Only the holder of the sender's gate calls this and <see cref="Sent"/>.
    /// </summary>
    public bool TryPeek(out ReadOnlySpan<byte> rest, out SafeHandle? descriptor)
    {
        lock (_messages)
        {
            bool any = _messages.TryPeek(out byte[]? first);
            rest = any ? first.AsSpan(_sent) : default;
            descriptor = any && _descriptors is not null ? DescriptorOf(first!) : null;
            return any;
        }
    }

    public void Sent(int count)
    {
        lock (_messages)
        {
            if (!_messages.TryPeek(out byte[]? first))
            {
                return; // cleared meanwhile
            }

            if (_descriptors is not null && DescriptorOf(first) is not null)
            {
                _descriptors.Dequeue().Descriptor.DangerousRelease();
            }

            _sent += count;
            _bytes -= count;
            if (_sent == first.Length)
            {
                _messages.Dequeue();
                _sent = 0;
            }
        }
    }

    /// <summary>The connection has ended: nothing more will be sent.</summary>
    public void Clear()
    {
        lock (_messages)
        {
            _messages.Clear();
            _sent = 0;
            _bytes = 0;
            while (_descriptors?.Count > 0)
            {
                _descriptors.Dequeue().Descriptor.DangerousRelease();
            }
        }
    }

    // Of the first message, until its first byte is sent.
    private SafeHandle? DescriptorOf(byte[] first) => _descriptors!.TryPeek(out var next) && ReferenceEquals(next.Message, first) ? next.Descriptor : null;
}
