using Sluice.Accepting;

namespace Sluice.Looping;

/// <summary>The numbers by which a loop is fair, and the limits of its server in the loop's units (milliseconds; long.MaxValue is off).</summary>
internal sealed class LoopPolicy
{
    /// <summary>Receives and sends that one handler may make in one go before the others have their turn.</summary>
    public const int CallsPerStep = 16;

    /// <summary>Connections accepted in one turn, at most.</summary>
    public const int AcceptsPerTurn = 64;

    private static readonly TimeSpan ShortestTick = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestTick = TimeSpan.FromMilliseconds(50);

    public LoopPolicy(ServerContext server)
    {
        ServerLimits limits = server.Options.Limits;
        Idle = Milliseconds(limits.IdleTimeout);
        IdleInsideUnitsOnly = limits.IdleInsideUnitsOnly;
        FirstByte = Milliseconds(limits.FirstByteTimeout);
        Lifetime = Milliseconds(limits.Lifetime);
        Write = Milliseconds(limits.WriteTimeout);
        MinRate = limits.MinRate;
        MinRateWindow = Milliseconds(limits.MinRateWindow);
        long shortest = Math.Min(Math.Min(Math.Min(Idle, FirstByte), Math.Min(Lifetime, Write)), MinRate is null ? long.MaxValue : MinRateWindow);
        TimeSpan tick = TimeSpan.FromMilliseconds(Math.Min(shortest, 10_000) / 10);
        Tick = tick < ShortestTick ? ShortestTick : tick > LongestTick ? LongestTick : tick;
        WatchesReads = Idle != long.MaxValue || MinRate is not null;
    }

    /// <summary>The resolution of the wheel: a limit is noticed at most this late.</summary>
    public TimeSpan Tick { get; }

    public long Idle { get; }

    public bool IdleInsideUnitsOnly { get; }

    public long FirstByte { get; }

    public long Lifetime { get; }

    public long Write { get; }

    public long? MinRate { get; }

    public long MinRateWindow { get; }

    /// <summary>Whether a read that begins to wait starts a clock.</summary>
    public bool WatchesReads { get; }

    private static long Milliseconds(TimeSpan? limit) => limit is { } set ? (long)Math.Ceiling(set.TotalMilliseconds) : long.MaxValue;
}
