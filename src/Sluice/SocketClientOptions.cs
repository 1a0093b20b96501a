namespace Sluice;

/// <summary>Options of <see cref="SocketClient"/>.</summary>
public sealed class SocketClientOptions
{
    /// <summary>How long connecting may take, name resolution excluded. Defaults to 10 s.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether pipe calls block the calling thread and are complete when they return. Defaults to false: they wait without a thread.</summary>
    public bool Blocking { get; set; }

    /// <summary>Bytes that may stay unread (examined, not consumed) before the connection ends with SLU0201. Defaults to 1 MiB.</summary>
    public int MaxUnread { get; set; } = 1024 * 1024;

    /// <summary>Bytes that <see cref="IConnectionSender.TrySend"/> may queue. Defaults to 1 MiB.</summary>
    public int MaxSendQueue { get; set; } = 1024 * 1024;

    /// <summary>How long the end of the connection lingers for the peer to read what was sent. Defaults to 1 s.</summary>
    public TimeSpan Linger { get; set; } = TimeSpan.FromSeconds(1);
}
