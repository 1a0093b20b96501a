namespace Sluice.Connections;

/// <summary>
/// Chunks that a handler has filled and the socket has not taken, in order. Made by the first handler that gets ahead of its socket; few do, so the
/// writer of an idle connection does not carry it.
/// </summary>
internal sealed class FullChunks
{
    private readonly Queue<ArraySegment<byte>> _chunks = new();
    private int _sentOfFirst;

    public bool IsEmpty => _chunks.Count == 0;

    /// <summary>Bytes that are not sent.</summary>
    public long Bytes => _chunks.Sum(chunk => (long)chunk.Count) - _sentOfFirst;

    /// <summary>The next bytes to send. Only while there is one.</summary>
    public ReadOnlySpan<byte> First => _chunks.Peek().AsSpan(_sentOfFirst);

    public void Add(ArraySegment<byte> chunk) => _chunks.Enqueue(chunk);

    /// <summary>Takes <paramref name="count"/> bytes of <see cref="First"/> as sent. Returns its array, to be given back, when that was all of it.</summary>
    public byte[]? Sent(int count)
    {
        _sentOfFirst += count;
        if (_sentOfFirst < _chunks.Peek().Count)
        {
            return null;
        }

        _sentOfFirst = 0;
        return _chunks.Dequeue().Array;
    }
}
