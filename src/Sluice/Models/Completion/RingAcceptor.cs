using Sluice.Accepting;
using Sluice.Looping;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Models.Completion;

/// <summary>
/// Accepts on a ring: one multishot accept for each listener while there is plenty of room, and one connection at a time where the next may be the last
/// (near the maximum of a server that waits, or of a budget). For the thread of the loop that accepts.
/// </summary>
internal sealed class RingAcceptor : IDisposable
{
    // As many may come with one wait before the gate is asked again.
    private const int PlentyOfRoom = 1024;

    // The kernel tells one process of a connection, and that one may end before it has accepted: then nobody is told again until the next one comes.
    private const int OverlookedMilliseconds = 500;

    private readonly ServerContext _server;
    private readonly IoUring _ring;
    private readonly LoopAcceptor _acceptor;
    private readonly RingListener[] _listeners;
    private long _nextSearch; // for connections that another process has overlooked; long.MaxValue where there is none

    public RingAcceptor(ServerContext server, IoUring ring, Action<Listener, StreamSocket> dispatch)
    {
        _server = server;
        _ring = ring;
        _acceptor = new LoopAcceptor(server, dispatch);
        _listeners = [.. server.Listeners.Select((listener, index) => new RingListener(listener, (ulong)index))];
        _nextSearch = server.Listeners.Any(listener => listener.IsAdopted) ? 0 : long.MaxValue;
    }

    /// <summary>No more is accepted, no accept is in flight, and nobody waits for a place who is to be served.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Whether an accept is in flight.</summary>
    public bool IsBusy => Array.Exists(_listeners, listener => listener.IsAccepting);

    public int Count => _listeners.Length;

    /// <summary>Whether nothing more is accepted or received.</summary>
    public bool IsOver(long now) => HasEnded || _acceptor.IsOver(now);

    public long NextLook => HasEnded ? long.MaxValue : Math.Min(_acceptor.NextLook, _nextSearch);

    public Listener Listener(ulong index) => _acceptor.Listener((int)index);

    public void Stop() => _acceptor.Stop();

    /// <summary>Has accepts in flight for those listeners that may accept, and no others. True when this was the end of accepting.</summary>
    public bool Look()
    {
        if (HasEnded)
        {
            return false;
        }

        long now = Environment.TickCount64;
        for (int i = 0; i < _listeners.Length; i++)
        {
            TakeEarly(i, now);
        }

        if (now >= _nextSearch)
        {
            _nextSearch = now + OverlookedMilliseconds;
            Search(now);
        }

        bool isOver = _acceptor.IsOver(now);
        bool single = _server.AcceptBudget is not null || (_server.Gate.OnLimit == OnLimit.Wait && _server.Gate.Maximum - _server.Gate.Taken < PlentyOfRoom);
        for (int i = 0; i < _listeners.Length; i++)
        {
            _listeners[i].Want(_ring, !isOver && !_listeners[i].HasEarly && _acceptor.Wants(i, now), single);
        }

        HasEnded = isOver && !IsBusy && !(_server.OthersAccept && Array.Exists(_listeners, listener => listener.HasEarly));
        if (HasEnded)
        {
            Dispose(); // the sockets listen no longer on behalf of this loop, which may go on for a while
        }

        return HasEnded;
    }

    /// <summary>An accept of a listener has completed.</summary>
    public void OnAccepted(ulong index, in RingCompletion completion, long now)
    {
        RingListener listener = _listeners[index];
        listener.Completed(completion.HasMore);
        if (completion.Error == NativeError.Canceled)
        {
            return;
        }

        AcceptResult result = ((KernelListener)Listener(index)).Accepted(completion.Result); // what has a descriptor is one
        if (_acceptor.IsOver(now) && !_server.OthersAccept)
        {
            result.Socket?.Close(); // it came while the accept was being cancelled
        }
        else if (result.Socket is { } socket && (listener.HasEarly || !MayServe((int)index, now) || !_acceptor.TryReserve((int)index)))
        {
            listener.Keep(socket);
        }
        else if (_acceptor.On((int)index, result, now) && result.Socket is not null && !_acceptor.IsOver(now))
        {
            _server.Events.RaiseAccepting();
        }
    }

    public void Dispose() => Array.ForEach(_listeners, listener => listener.Dispose());

    // Those who come while the accept is being cancelled are served where others go on accepting.
    private bool MayServe(int index, long now) => _acceptor.Wants(index, now) || (_server.OthersAccept && _acceptor.IsOver(now));

    private void Search(long now)
    {
        for (int i = 0; i < _listeners.Length; i++)
        {
            while (_acceptor.Wants(i, now) && !_listeners[i].HasEarly && _listeners[i].IsReadable && _acceptor.TryAccept(i, now))
            {
            }
        }
    }

    private void TakeEarly(int index, long now)
    {
        RingListener listener = _listeners[index];
        while (listener.HasEarly && MayServe(index, now) && _acceptor.TryReserve(index))
        {
            _acceptor.On(index, AcceptResult.Accepted(listener.TakeEarly()), now);
        }
    }
}
