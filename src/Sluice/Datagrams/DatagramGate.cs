namespace Sluice.Datagrams;

/// <summary>How many datagrams are handled at once: a hard maximum. What does not come in stays in the kernel's queue.</summary>
internal sealed class DatagramGate(int maximum)
{
    private readonly Lock _changing = new();
    private int _taken;
    private Action? _freed;

    /// <summary>Places taken now.</summary>
    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Whether one more could come in.</summary>
    public bool HasRoom => Taken < maximum;

    /// <summary>Called, on the thread that gave it back, whenever a place is free again after none was.</summary>
    public void OnFreed(Action freed)
    {
        lock (_changing)
        {
            _freed += freed;
        }
    }

    /// <summary>Ends <see cref="OnFreed"/>.</summary>
    public void NotOnFreed(Action freed)
    {
        lock (_changing)
        {
            _freed -= freed;
        }
    }

    /// <summary>Takes up to so many places, and returns how many.</summary>
    public int Take(int wanted)
    {
        int taken = Volatile.Read(ref _taken);
        while (true)
        {
            int given = Math.Min(wanted, maximum - taken);
            if (given <= 0)
            {
                return 0;
            }

            int seen = Interlocked.CompareExchange(ref _taken, taken + given, taken);
            if (seen == taken)
            {
                return given;
            }

            taken = seen;
        }
    }

    /// <summary>Gives places back.</summary>
    public void GiveBack(int places)
    {
        if (places > 0 && Interlocked.Add(ref _taken, -places) + places == maximum)
        {
            Volatile.Read(ref _freed)?.Invoke();
        }
    }
}
