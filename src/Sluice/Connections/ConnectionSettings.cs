namespace Sluice.Connections;

/// <summary>What a connection needs to know of its server's limits. One object for all connections of a server.</summary>
internal sealed class ConnectionSettings
{
    public int MaxUnread { get; init; } = 1024 * 1024;

    public int MaxSendQueue { get; init; } = 1024 * 1024;

    public TimeSpan Linger { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a blocking call waits before it looks around: the bound on cancelling it, and on noticing that a send goes on.</summary>
    public TimeSpan Slice { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The slice with which limits can be kept: a send that goes on must be seen to within its time limit.</summary>
    public static TimeSpan SliceFor(ServerLimits limits)
    {
        TimeSpan shortest = new[] { limits.WriteTimeout, limits.MinRate is null ? null : limits.MinRateWindow }.Min() ?? TimeSpan.MaxValue;
        return TimeSpan.FromMilliseconds(Math.Clamp(shortest.TotalMilliseconds / 4, 10, 1000));
    }

    public BlockingReads BlockingReads { get; init; }
}
