namespace Sluice.Models.Readiness;

/// <summary>
/// Small sends of a loop, kept until several handlers have run and then made one after the other. A send on one machine runs the whole stack,
/// up to waking the receiver, and throws our code out of the processor's nearest cache; made in a row they find theirs there, and so do the
/// handlers. For the loop's thread.
/// </summary>
internal sealed class SendBatch
{
    /// <summary>The longest send that is kept, in bytes: more gains nothing by waiting, and would be copied.</summary>
    public const int Longest = 4096;

    // Enough for the gain, and few enough that the first does not wait long: about 32 requests.
    private const int MostSends = 32;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(MostSends * Longest, pinned: true);
    private readonly Kept[] _sends = new Kept[MostSends];
    private int _count;
    private int _used;

    /// <summary>Keeps <paramref name="bytes"/>, at most <see cref="Longest"/>; a connection that has some here already gets them after those.</summary>
    public void Add(ReadyConnection connection, ReadOnlySpan<byte> bytes)
    {
        if (_count == MostSends || _used + bytes.Length > _bytes.Length)
        {
            SendAll();
        }

        bytes.CopyTo(_bytes.AsSpan(_used));
        _used += bytes.Length;
        ref Kept last = ref _sends[Math.Max(_count - 1, 0)];
        if (_count > 0 && ReferenceEquals(last.Connection, connection))
        {
            last.End = _used; // one call for both
        }
        else
        {
            _sends[_count++] = new Kept { Connection = connection, End = _used };
        }
    }

    /// <summary>Makes all of them, in the order they came. No handler runs in it.</summary>
    public void SendAll()
    {
        int start = 0;
        for (int i = 0; i < _count; i++)
        {
            ref Kept send = ref _sends[i];
            send.Connection!.SendKept(_bytes.AsSpan(start, send.End - start));
            start = send.End;
            send.Connection = null;
        }

        _count = _used = 0;
    }

    private struct Kept
    {
        public ReadyConnection? Connection;
        public int End;
    }
}
