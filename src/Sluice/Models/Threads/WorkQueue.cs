using System.Diagnostics.CodeAnalysis;

namespace Sluice.Models.Threads;

/// <summary>A bounded queue of what waits for a thread: accepted connections, received datagrams.</summary>
internal sealed class WorkQueue<T>(int capacity)
{
    private readonly Queue<T> _waiting = new();
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
    /// Adds one. When the queue is full: waits for room, or says false at once. False also once it is closed.
    /// Threads that wait for work count as room, so a capacity of 0 hands over directly.
    /// </summary>
    public bool TryAdd(T work, bool wait)
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

            _waiting.Enqueue(work);
            Monitor.PulseAll(_waiting);
            return true;
        }
    }

    /// <summary>Takes the one that has waited longest; waits for one. False once the queue is closed and empty.</summary>
    public bool TryTake([MaybeNullWhen(false)] out T work)
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
    public void Close(Action<T>? drop)
    {
        List<T> dropped = [];
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

        dropped.ForEach(work => drop!(work));
    }
}
