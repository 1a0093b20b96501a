using System.Collections.Concurrent;
using Sluice.Connections;
using Sluice.Workers;

namespace Sluice.Accepting;

/// <summary>
/// The connections that live now: what a drain asks to finish and the sweep looks at. Loops keep their own in slots, and are attached whole.
/// </summary>
internal sealed class ConnectionTable
{
    private readonly ConcurrentDictionary<GatedConnection, byte> _live = new();
    private readonly ConcurrentDictionary<ILiveConnections, byte> _loops = new();

    /// <summary>Worker processes that keep connections by themselves; null where there are none.</summary>
    public ILiveWorkers? Workers { get; set; }

    public int Count
    {
        get
        {
            int count = _live.Count;
            foreach ((ILiveConnections loop, _) in _loops)
            {
                count += loop.Count;
            }

            return count;
        }
    }

    public void Add(GatedConnection connection) => _live.TryAdd(connection, 0);

    public void Remove(GatedConnection connection) => _live.TryRemove(connection, out _);

    /// <summary>Adds a loop with all its connections, now and to come.</summary>
    public void Attach(ILiveConnections loop) => _loops.TryAdd(loop, 0);

    /// <summary>The loop has ended.</summary>
    public void Detach(ILiveConnections loop) => _loops.TryRemove(loop, out _);

    /// <summary>Does <paramref name="what"/> with each live connection; those that come or go meanwhile may be among them or not.</summary>
    public void ForEach<T>(Action<StreamConnection, T> what, T with)
    {
        ForEachGated(what, with);
        ForEachOfLoops(what, with);
    }

    /// <summary>The same for those that loops keep.</summary>
    public void ForEachOfLoops<T>(Action<StreamConnection, T> what, T with)
    {
        foreach ((ILiveConnections loop, _) in _loops)
        {
            loop.ForEach(what, with);
        }
    }

    /// <summary>The same for those that no loop keeps.</summary>
    public void ForEachGated<T>(Action<GatedConnection, T> what, T with)
    {
        foreach ((GatedConnection connection, _) in _live)
        {
            what(connection, with);
        }
    }
}

/// <summary>The connections of one loop.</summary>
internal interface ILiveConnections
{
    /// <summary>How many; from any thread.</summary>
    int Count { get; }

    /// <summary>As <see cref="ConnectionTable.ForEach"/>; from any thread.</summary>
    void ForEach<T>(Action<StreamConnection, T> what, T with);
}
