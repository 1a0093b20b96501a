namespace Sluice.Models.Readiness;

using Sluice.Native; // in here, where its Readiness comes before this namespace of the same name

/// <summary>
/// Small sends of a loop, kept until several handlers have run and then made one after the other. A send to a peer on the same machine runs the
/// whole stack, up to waking the receiver, and throws our code out of the processor's nearest cache; made in a row they find theirs there, and
/// so do the handlers. For the loop's thread.
/// </summary>
internal sealed class SendBatch
{
    /// <summary>The longest send that is kept, in bytes: more gains nothing by waiting, and would be copied.</summary>
    public const int Longest = 4096;

    // Enough for the gain, and few enough that the first does not wait long.
    private const int MostSends = 32;

    private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(MostSends * Longest, pinned: true);
    private readonly Kept[] _sends = new Kept[MostSends];
    private int _count;
    private int _used;

    /// <summary>Counts the batches: what was kept in an earlier one is sent.</summary>
    public int Number { get; private set; } = 1;

    /// <summary>Whether nothing is kept.</summary>
    public bool IsEmpty => _count == 0;

    /// <summary>
    /// Whether so many bytes can be kept behind what is here, in order: there is room, and what this descriptor has here already (<paramref name="hasKept"/>)
    /// came last, so that both are one send. Otherwise <see cref="SendAll"/> comes first.
    /// </summary>
    public bool CanTake(int descriptor, int length, bool hasKept) =>
        _count < MostSends && _used + length <= _bytes.Length && (!hasKept || _sends[_count - 1].Descriptor == descriptor);

    /// <summary>Keeps <paramref name="bytes"/>, which it can take, and returns the batch's number.</summary>
    public int Add(ReadyConnection connection, int descriptor, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_bytes.AsSpan(_used));
        _used += bytes.Length;
        if (_count > 0 && _sends[_count - 1].Descriptor == descriptor)
        {
            _sends[_count - 1].End = _used;
        }
        else
        {
            _sends[_count++] = new Kept { Connection = connection, Descriptor = descriptor, End = _used };
        }

        return Number;
    }

    /// <summary>Makes all of them, in the order they came. No handler runs in it.</summary>
    public void SendAll()
    {
        if (_count > 0)
        {
            Number++;
            int start = 0;
            foreach (ref Kept send in _sends.AsSpan(0, _count))
            {
                // The connection itself is not touched when everything goes, which is nearly always.
                ReadOnlySpan<byte> bytes = _bytes.AsSpan(start, send.End - start);
                SocketResult sent = SocketCalls.Send(send.Descriptor, bytes);
                if (sent.Count != bytes.Length)
                {
                    send.Connection!.OnLeftOver(bytes, sent);
                }

                start = send.End;
                send.Connection = null;
            }

            _count = _used = 0;
        }
    }

    private struct Kept
    {
        public ReadyConnection? Connection;
        public int Descriptor;
        public int End;
    }
}
