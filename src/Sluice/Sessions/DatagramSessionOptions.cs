namespace Sluice.Sessions;

/// <summary>What happens to the datagram of a new peer when there are <see cref="DatagramSessionOptions.MaxSessions"/>.</summary>
public enum OnSessionsFull
{
    /// <summary>It is dropped and counted. Who is served goes on to be: addresses that somebody made up cost him nothing, and must not cost a peer its session.</summary>
    DropNew,

    /// <summary>The session that was idle longest ends, aborted, and the new one takes its place. For peers that say little and leave without a word, where nobody can make addresses up.</summary>
    EndIdlest,
}

/// <summary>
/// Options of <see cref="DatagramSessions"/>. What a flood can cost is <see cref="MaxSessions"/> handlers and <see cref="MaxTotalQueuedBytes"/>, whatever number of
/// addresses it comes from.
/// </summary>
public sealed class DatagramSessionOptions
{
    /// <summary>A session without a datagram either way for so long ends: its reader completes. Defaults to 30 s.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest life of a session. Defaults to null (off).</summary>
    public TimeSpan? Lifetime { get; set; }

    /// <summary>
    /// How long a session that has ended waits for its handler to return. Then it no longer counts to <see cref="MaxSessions"/>
    /// (<see cref="DatagramSessions.Lingering"/>). Defaults to 5 s.
    /// </summary>
    public TimeSpan EndGrace { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Sessions at once: a hard maximum. Defaults to 10,000.</summary>
    public int MaxSessions { get; set; } = 10_000;

    /// <summary>What happens above <see cref="MaxSessions"/>. Defaults to <see cref="OnSessionsFull.DropNew"/>.</summary>
    public OnSessionsFull OnFull { get; set; }

    /// <summary>Datagrams that one session may leave unread, with the one that its handler looks at; more are dropped and counted. Defaults to 64.</summary>
    public int MaxQueuedDatagrams { get; set; } = 64;

    /// <summary>
    /// Bytes that the unread datagrams of one session may take, counted by their buffers (a power of two, at least 16); what does not fit is dropped and counted.
    /// Less than 65,536 means that the longest datagrams never fit. Defaults to 128 KiB.
    /// </summary>
    public int MaxQueuedBytes { get; set; } = 128 * 1024;

    /// <summary>The same over all sessions. The second half is for sessions that have nothing unread. Defaults to 64 MiB.</summary>
    public long MaxTotalQueuedBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>
    /// Whether a session may send no more than it was sent until its handler says that the peer has proved its address
    /// (<see cref="IDatagramSession.ConfirmAddress"/>). Defaults to false.
    /// </summary>
    public bool RequireAddressProof { get; set; }

    /// <summary>The clock. Defaults to the system's.</summary>
    public TimeProvider Time { get; set; } = TimeProvider.System;

    /// <summary>A copy that nobody changes any more.</summary>
    /// <exception cref="SluiceException">SLU0008: one is out of its range.</exception>
    internal DatagramSessionOptions Checked()
    {
        Positive("idle timeout of a session", IdleTimeout);
        Positive("lifetime of a session", Lifetime);
        Positive("end grace of a session", EndGrace);
        AtLeastOne("max sessions", MaxSessions);
        AtLeastOne("max queued datagrams of a session", MaxQueuedDatagrams);
        AtLeastOne("max queued bytes of a session", MaxQueuedBytes);
        AtLeastOne("max total queued bytes of sessions", MaxTotalQueuedBytes);
        ArgumentNullException.ThrowIfNull(Time);
        return (DatagramSessionOptions)MemberwiseClone();
    }

    private static void Positive(string name, TimeSpan? value)
    {
        if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(365))
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, $"{name} cannot be {value}: it is more than 0 and at most 365 days");
        }
    }

    private static void AtLeastOne(string name, long value)
    {
        if (value < 1)
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, $"{name} cannot be {value}: the least is 1");
        }
    }
}
