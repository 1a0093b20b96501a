namespace Sluice.Connections;

/// <summary>What a connection needs to know of its server's limits. One object for all connections of a server.</summary>
internal sealed class ConnectionSettings
{
    public int MaxUnread { get; init; } = 1024 * 1024;

    public int MaxSendQueue { get; init; } = 1024 * 1024;

    public TimeSpan Linger { get; init; } = TimeSpan.FromSeconds(1);

    public BlockingReads BlockingReads { get; init; }
}
