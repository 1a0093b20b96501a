namespace Sluice.Accepting;

/// <summary>A number of places that is never exceeded, whoever races: of connections that are served, of datagrams that are handled. From any thread.</summary>
internal sealed class Places(int maximum)
{
    private readonly Lock _changing = new();
    private int _taken;
    private Action? _freed;

    public int Maximum => maximum;

    /// <summary>Places taken now.</summary>
    public int Taken => Volatile.Read(ref _taken);

    /// <summary>Whether a place is free now.</summary>
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
