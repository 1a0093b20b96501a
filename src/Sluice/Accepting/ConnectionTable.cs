using System.Collections.Concurrent;
using Sluice.Connections;

namespace Sluice.Accepting;

/// <summary>The connections that live now: what a drain asks to finish and the sweep looks at.</summary>
internal sealed class ConnectionTable
{
    private readonly ConcurrentDictionary<StreamConnection, byte> _live = new();

    public int Count => _live.Count;

    public void Add(StreamConnection connection) => _live.TryAdd(connection, 0);

    public void Remove(StreamConnection connection) => _live.TryRemove(connection, out _);

    /// <summary>Does <paramref name="what"/> with each live connection; those that come or go meanwhile may be among them or not.</summary>
    public void ForEach<T>(Action<StreamConnection, T> what, T with)
    {
        foreach ((StreamConnection connection, _) in _live)
        {
            what(connection, with);
        }
    }
}
