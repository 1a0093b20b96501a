using Sluice.Transports;

namespace Sluice.Accepting;

/// <summary>
/// Who may come in: the users of Unix sockets that are allowed, a hard, global maximum and a maximum per source. A place is taken before the connection is accepted (wait) or as it
/// comes (refuse) and given back when it has ended, so there are never more, whoever races.
/// </summary>
internal sealed class ConnectionGate(int maximum, int? perSource, OnLimit onLimit, IReadOnlySet<uint>? allowedUsers = null)
{
    private readonly Dictionary<ulong, int> _sources = [];
    private readonly Places _places = new(maximum);

    public int Maximum => _places.Maximum;

    /// <inheritdoc cref="Places.Taken"/>
    public int Taken => _places.Taken;

    /// <inheritdoc cref="Places.HasRoom"/>
    public bool HasRoom => _places.HasRoom;

    public OnLimit OnLimit => onLimit;

    /// <inheritdoc cref="Places.OnFreed"/>
    public void OnFreed(Action freed) => _places.OnFreed(freed);

    /// <inheritdoc cref="Places.NotOnFreed"/>
    public void NotOnFreed(Action freed) => _places.NotOnFreed(freed);

    /// <summary>Whether the user at the other end may connect; always, where the transport does not tell of users.</summary>
    public bool Allows(StreamSocket socket) => allowedUsers is null || socket.PeerCredentials is not { } peer || allowedUsers.Contains(peer.User);

    /// <summary>Takes a place, if there is one.</summary>
    public bool TryTake() => _places.Take(1) == 1;

    /// <summary>Gives a place back.</summary>
    public void GiveBack() => _places.GiveBack(1);

    /// <summary>What <see cref="Uncount"/> will need of a connection once it is closed: its source, or 0 when sources are not counted.</summary>
    public ulong SourceOf(StreamSocket socket) => perSource is null ? 0 : socket.SourceKey;

    /// <summary>Counts a connection of its source; false when that has its maximum. A connection without a source is not counted.</summary>
    public bool TryCount(StreamSocket socket)
    {
        if (perSource is not { } most || SourceOf(socket) is var source && source == 0)
        {
            return true;
        }

        lock (_sources)
        {
            int count = _sources.GetValueOrDefault(source);
            if (count >= most)
            {
                return false;
            }

            _sources[source] = count + 1;
            return true;
        }
    }

    /// <summary>A connection of <paramref name="source"/> has ended.</summary>
    public void Uncount(ulong source)
    {
        if (perSource is null || source == 0)
        {
            return;
        }

        lock (_sources)
        {
            int count = _sources.GetValueOrDefault(source);
            if (count <= 1)
            {
                _sources.Remove(source);
            }
            else
            {
                _sources[source] = count - 1;
            }
        }
    }
}
