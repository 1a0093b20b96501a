using Sluice.Native;

namespace Sluice.Datagrams;

/// <summary>The datagrams of a receiver that are not in use. From any thread.</summary>
internal sealed class DatagramPool(DatagramReceiver receiver, int size)
{
    private readonly Lock _changing = new();
    private ReceivedDatagram[] _free = new ReceivedDatagram[16];
    private int _count;

    /// <summary>One that is free, or a new one: the gate bounds how many there are.</summary>
    public ReceivedDatagram Rent()
    {
        lock (_changing)
        {
            if (_count > 0)
            {
                return _free[--_count];
            }
        }

        return new ReceivedDatagram(receiver, new DatagramBuffer(size));
    }

    public void Return(ReceivedDatagram datagram)
    {
        lock (_changing)
        {
            if (_count == _free.Length)
            {
                Array.Resize(ref _free, _count * 2);
            }

            _free[_count++] = datagram;
        }
    }
}
