using System.Collections.Concurrent;
using Sluice.Connections;

namespace Sluice.Accepting;

/// <summary>The connections that live now: what a drain asks to finish and the sweep looks at.</summary>
internal sealed class ConnectionTable
{
    private readonly ConcurrentDictionary<StreamConnection, Transports.Listener> _live = new(ReferenceEqualityComparer.Instance as IEqualityComparer<StreamConnection>);

    public int Count => _live.Count;

    public bool IsEmpty => _live.IsEmpty;

    public void Add(StreamConnection connection, Transports.Listener listener) => _live[connection] = listener;

    public void Remove(StreamConnection connection) => _live.TryRemove(connection, out _);

    /// <summary>The live connections, now; those that come or go meanwhile may be in it or not.</summary>
    public IEnumerator<KeyValuePair<StreamConnection, Transports.Listener>> GetEnumerator() => _live.GetEnumerator();
}
