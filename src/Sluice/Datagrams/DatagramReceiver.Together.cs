using Sluice.Diagnostics;
using Sluice.Native;

namespace Sluice.Datagrams;

/// <summary>What the kernel gave as one (UDP_GRO), taken apart. Where handlers end at once all lie in one buffer; each that is kept has one of its own.</summary>
internal sealed partial class DatagramReceiver
{
    // Of what came as one, the parts for which there was no place. They come before anything new.
    private readonly Queue<ReceivedDatagram> _held = new();

    private int _spare; // places that nothing was received for
    private int _added; // places taken for what came as one

    /// <summary>Whether something was received that no handler has had a place for. It is served as what is received: when there may be more.</summary>
    public bool HasHeld => _held.Count > 0;

    // Several may have come as one. As long as their handlers end at once all lie in one buffer; what follows one that waits moves to another.
    private void ServeEach(int place, ReceivedDatagram datagram)
    {
        int offset = DatagramBuffer.PayloadOffset;
        int left = datagram.Buffer.Length;
        int segment = SegmentOf(datagram.Buffer);
        do
        {
            int length = Math.Min(segment, left);
            left -= length;
            _datagrams++;
            datagram.Begin(offset, length, isLast: left == 0);
            offset += length;
            if (!HasEnded(datagram))
            {
                _places[place] = null;
                _kept++;
                if (left > 0)
                {
                    if (MoveRest(datagram.Buffer, offset, left) is not { } rest)
                    {
                        Hold(datagram.Buffer, offset, left);
                        return;
                    }

                    Fill(place, datagram = rest);
                    offset = DatagramBuffer.PayloadOffset;
                }
            }
        }
        while (left > 0);
    }

    // Each by itself: the models have them end in any order.
    private void DispatchEach(int place, ReceivedDatagram datagram, Action<ReceivedDatagram> dispatch)
    {
        DatagramBuffer buffer = datagram.Buffer;
        int segment = SegmentOf(buffer);
        int left = buffer.Length - Math.Min(segment, buffer.Length);
        _datagrams++;
        datagram.Begin(DatagramBuffer.PayloadOffset, buffer.Length - left, isLast: left == 0);
        _places[place] = null;
        _kept++;
        Leaves();
        if (left == 0)
        {
            CountSoFar();
            dispatch(datagram);
            return;
        }

        // Before the first one is anybody's, who may give it back at once.
        var others = new List<ReceivedDatagram>();
        for (int offset = DatagramBuffer.PayloadOffset + segment; left > 0; offset += segment, left -= segment)
        {
            if (MoveRest(buffer, offset, Math.Min(segment, left)) is not { } other)
            {
                Hold(buffer, offset, left);
                break;
            }

            _datagrams++;
            _kept++;
            Leaves();
            other.Begin(DatagramBuffer.PayloadOffset, other.Buffer.Length, isLast: left <= segment);
            others.Add(other);
        }

        CountSoFar();
        dispatch(datagram);
        others.ForEach(dispatch);
    }

    private static int SegmentOf(DatagramBuffer buffer) => buffer.SegmentSize > 0 ? buffer.SegmentSize : Math.Max(buffer.Length, 1);

    // Only this thread rents, so that what lies in a buffer that was just given back is still there. What is about to be sent lies there, too: it goes first.
    private ReceivedDatagram? MoveRest(DatagramBuffer from, int offset, int length)
    {
        if (_spare > 0)
        {
            _spare--;
        }
        else if (_gate.Take(1) > 0)
        {
            _added++;
        }
        else
        {
            return null;
        }

        return Copy(from, offset, length);
    }

    // There is no place for the rest of what came as one. At most as many wait as a batch has, for nothing more is received meanwhile.
    private void Hold(DatagramBuffer from, int offset, int length)
    {
        _bytes -= length; // they are counted when they are served
        _held.Enqueue(Copy(from, offset, length));
    }

    private ReceivedDatagram Copy(DatagramBuffer from, int offset, int length)
    {
        if (_sends is not null)
        {
            Flush();
        }

        ReceivedDatagram copy = _pool.Rent();
        copy.Buffer.CopyFrom(from, offset, length);
        return copy;
    }

    // The next part that was held is what was received now.
    private bool TryReceiveHeld()
    {
        if (!_held.TryDequeue(out ReceivedDatagram? held))
        {
            return false;
        }

        if (_places[0] is { } unused)
        {
            _pool.Return(unused);
        }

        Fill(0, held);
        Begin(received: 1, places: 1);
        return true;
    }

    private void DropHeld()
    {
        while (_held.TryDequeue(out ReceivedDatagram? held))
        {
            int count = (held.Buffer.Length + held.Buffer.SegmentSize - 1) / held.Buffer.SegmentSize;
            Listener.Traffic.CountReceived(count, held.Buffer.Length, truncated: 0);
            Lose(DropReason.Draining, count);
            _pool.Return(held);
        }
    }
}
