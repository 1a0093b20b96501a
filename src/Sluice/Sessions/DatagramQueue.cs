namespace Sluice.Sessions;

/// <summary>Datagrams in their order, each in a buffer of its own: a ring, which keeps the room that it once needed. Its owner locks.</summary>
internal struct DatagramQueue
{
    private const int Least = 2;

    private (byte[] Buffer, int Length)[]? _ring;
    private int _first;

    public int Count { get; private set; }

    /// <summary>The oldest. Only while there is one.</summary>
    public readonly ref (byte[] Buffer, int Length) First => ref _ring![_first];

    /// <summary>The one after it. Only while there are two.</summary>
    public readonly (byte[] Buffer, int Length) Second => _ring![(_first + 1) % _ring.Length];

    public void Add(byte[] buffer, int length)
    {
        if (_ring is null || Count == _ring.Length)
        {
            Grow();
        }

        _ring![(_first + Count) % _ring.Length] = (buffer, length);
        Count++;
    }

    /// <summary>Takes the oldest out.</summary>
    public byte[] RemoveFirst()
    {
        ref (byte[] Buffer, int Length) first = ref _ring![_first];
        byte[] buffer = first.Buffer;
        first = default;
        _first = (_first + 1) % _ring.Length;
        Count--;
        return buffer;
    }

    /// <summary>Takes the newest out.</summary>
    public byte[] RemoveLast()
    {
        ref (byte[] Buffer, int Length) last = ref _ring![(_first + Count - 1) % _ring.Length];
        byte[] buffer = last.Buffer;
        last = default;
        Count--;
        return buffer;
    }

    private void Grow()
    {
        var larger = new (byte[] Buffer, int Length)[_ring is null ? Least : _ring.Length * 2];
        for (int i = 0; i < Count; i++)
        {
            larger[i] = _ring![(_first + i) % _ring.Length];
        }

        _ring = larger;
        _first = 0;
    }
}
