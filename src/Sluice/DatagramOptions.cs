namespace Sluice;

/// <summary>Options of datagram listeners (<c>udp://</c>, <c>unixgram://</c>). What a flood can cost is <see cref="MaxConcurrent"/> × <see cref="MaxSize"/> for each loop, and the kernel's buffers.</summary>
public sealed class DatagramOptions
{
    /// <summary>The most bytes of a datagram that are received; a longer one is cut and says so (<see cref="DatagramContext.IsTruncated"/>). Defaults to 65,536.</summary>
    public int MaxSize { get; set; } = 65_536;

    /// <summary>
    /// Datagrams that are handled at once, over all listeners of a model: a hard maximum. More stay in the kernel's queue, and what does not fit there is dropped
    /// and counted. Defaults to 1,024.
    /// </summary>
    public int MaxConcurrent { get; set; } = 1024;

    /// <summary>SO_RCVBUF in bytes: what waits to be received. The kernel caps it at net.core.rmem_max. Defaults to null: the kernel's own.</summary>
    public int? ReceiveBuffer { get; set; }

    /// <summary>SO_SNDBUF in bytes: what waits to be sent; on Unix sockets also the longest datagram. The kernel caps it at net.core.wmem_max. Defaults to null: the kernel's own.</summary>
    public int? SendBuffer { get; set; }

    /// <summary>
    /// Whether the kernel notes when each datagram came (SO_TIMESTAMPNS), which costs about 4 % of an echo. Defaults to null: from the first time that a handler asks
    /// for <see cref="DatagramContext.ReceivedAt"/>. What came before then has the time at which the server received it.
    /// </summary>
    public bool? Timestamps { get; set; }

    /// <summary>Whether the kernel may hand over and take several datagrams of one peer as one (UDP_GRO, UDP_SEGMENT). Handlers see no difference. Defaults to true.</summary>
    public bool Offload { get; set; } = true;

    /// <summary>How long a reply may wait for a Unix peer that does not read; then it is dropped and counted. Defaults to 1 s.</summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(1);
}
