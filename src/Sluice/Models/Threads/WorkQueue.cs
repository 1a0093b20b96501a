using Sluice.Transports;

namespace Sluice.Models.Threads;

/// <summary>A bounded queue of accepted connections that wait for a thread.</summary>
internal sealed class WorkQueue(int capacity)
{
    private readonly Queue<(Listener Listener, StreamSocket Socket)> _waiting = new();
    private int _takers; // threads that wait for work
    private bool _closed;

    /// <summary>How many wait now.</summary>
    public int Count
    {
        get
        {
            lock (_waiting)
            {
                return _waiting.Count;
            }
        }
    }

    /// <summary>
    /// Adds a connection. When the queue is full: waits for room, or says false at once. False also once it is closed.
    /// Threads that wait for work count as room, so a capacity of 0 hands over directly.
    /// </summary>
    public bool TryAdd(Listener listener, StreamSocket socket, bool wait)
    {
        lock (_waiting)
        {
            while (_waiting.Count >= capacity + _takers && !_closed)
            {
                if (!wait)
                {
                    return false;
                }

                Monitor.Wait(_waiting);
            }

            if (_closed)
            {
                return false;
            }

            _waiting.Enqueue((listener, socket));
            Monitor.PulseAll(_waiting);
            return true;
        }
    }

    /// <summary>Takes the longest waiting connection; waits for one. False once the queue is closed and empty.</summary>
    public bool TryTake(out (Listener Listener, StreamSocket Socket) work)
    {
        lock (_waiting)
        {
            _takers++;
            Monitor.PulseAll(_waiting);
            while (!_waiting.TryDequeue(out work))
            {
                if (_closed)
                {
                    _takers--;
                    return false;
                }

                Monitor.Wait(_waiting);
            }

            _takers--;
            Monitor.PulseAll(_waiting);
            return true;
        }
    }

    /// <summary>Lets no more in. <paramref name="drop"/>: what still waits is given to it, not to a thread.</summary>
    public void Close(Action<Listener, StreamSocket>? drop)
    {
        List<(Listener Listener, StreamSocket Socket)> dropped = [];
        lock (_waiting)
        {
            _closed = true;
            if (drop is not null)
            {
                dropped.AddRange(_waiting);
                _waiting.Clear();
            }

            Monitor.PulseAll(_waiting);
        }

        foreach ((Listener listener, StreamSocket socket) in dropped)
        {
            drop!(listener, socket);
        }
    }
}
