using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Models.Readiness;

/// <summary>
/// A listener as a loop watches it: by a descriptor of the loop's own, because the server may close its own at any moment and the number could
/// be another's before the loop hears of it.
/// </summary>
internal sealed class WatchedListener(Listener listener) : IDisposable
{
    private readonly DescriptorCopy _copy = new(listener.Handle!);
    private int _most = 1;
    private long _lastTurn = -1;

    public int Descriptor => _copy.Number;

    /// <summary>How many connections to accept in this turn: twice as many as in the last one, if it was ready then too.</summary>
    public int NextMost(int limit, long turn)
    {
        _most = turn == _lastTurn + 1 ? Math.Min(_most * 2, limit) : 1;
        _lastTurn = turn;
        return _most;
    }

    /// <summary>Nobody was waiting any more.</summary>
    public void Drained() => _most = 1;

    public void Dispose() => _copy.Dispose();
}
