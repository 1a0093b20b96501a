namespace Sluice.Workers;

/// <summary>How long to wait before a start is tried again that has failed: 50 ms, twice as long each time, at most 500 ms. For one thread.</summary>
internal struct StartPause
{
    private const int Shortest = 50;
    private const int Longest = 500;

    private int _failures;

    /// <summary>Until when: TickCount64.</summary>
    public long Until { get; private set; }

    /// <summary>A start has failed.</summary>
    public void Failed(long now) => Until = now + Math.Min(Shortest << Math.Min(_failures++, 10), Longest);

    /// <summary>One has succeeded.</summary>
    public void Succeeded() => (_failures, Until) = (0, 0);
}
