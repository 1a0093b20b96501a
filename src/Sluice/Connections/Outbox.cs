namespace Sluice.Connections;

/// <summary>Messages that others than the handler want sent on a connection: bounded, in order, each whole.</summary>
internal sealed class Outbox
{
    private readonly Queue<byte[]> _messages = new();
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

    /// <summary>The rest of the first message. Only the holder of the sender's gate calls this and <see cref="Sent"/>.</summary>
    public bool TryPeek(out ReadOnlySpan<byte> rest)
    {
        lock (_messages)
        {
            bool any = _messages.TryPeek(out byte[]? first);
            rest = any ? first.AsSpan(_sent) : default;
            return any;
        }
    }

    public void Sent(int count)
    {
        lock (_messages)
        {
            _sent += count;
            _bytes -= count;
            if (_sent == _messages.Peek().Length)
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
        }
    }
}
