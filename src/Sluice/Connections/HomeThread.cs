using System.Runtime.CompilerServices;

namespace Sluice.Connections;

/// <summary>
/// The thread of a blocking connection. Pipe calls from other threads are posted to it; it performs them when the handler's code on it has
/// returned. A handler that blocks the thread on a task of its own (.Result) cannot deadlock: what was posted and not taken up in time is
/// performed by a rescuer.
/// </summary>
internal sealed class HomeThread
{
    // A posted call looks this often whether the thread is blocked in the handler; one that only computes comes home by itself, however late
    // the machine lets it. After the last look it counts as blocked, whatever it seems to do.
    private const int LookEveryMilliseconds = 50;
    private const int MostLooks = 20;

    private readonly Lock _changing = new();
    private readonly SemaphoreSlim _wake = new(0);
    private readonly Thread _own = Thread.CurrentThread;
    private readonly int _thread = Environment.CurrentManagedThreadId;

    // All under _changing.
    private bool _readPosted;
    private bool _flushPosted;
    private bool _handlerEnded;
    private bool _isHome;      // the thread waits in Run or performs a posted call
    private bool _receiving;   // it is inside a posted read, perhaps for long
    private bool _isAway;      // a rescuer has found the thread blocked in the handler
    private Action? _performRead;
    private Action? _performFlush;
    private int _readNumber;   // of the last posted read, so that a rescuer takes up the call it was sent for and no later one
    private int _flushNumber;

    /// <summary>Whether the caller is the connection's own thread.</summary>
    public bool IsCurrent
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Environment.CurrentManagedThreadId == _thread;
    }

    /// <summary>Posts a read. <paramref name="perform"/> completes the caller's task.</summary>
    public void PostRead(Action perform)
    {
        int number;
        lock (_changing)
        {
            _readPosted = true;
            _performRead = perform;
            number = ++_readNumber;
        }

        Posted(isRead: true, number);
    }

    /// <summary>Posts a flush, or says false when the caller shall do it itself: the own thread waits in a read that may last.</summary>
    public bool TryPostFlush(Action perform)
    {
        int number;
        lock (_changing)
        {
            if (_receiving)
            {
                return false;
            }

            _flushPosted = true;
            _performFlush = perform;
            number = ++_flushNumber;
        }

        Posted(isRead: false, number);
        return true;
    }

    /// <summary>Performs what is posted until <paramref name="handler"/> has ended. Called on the own thread.</summary>
    public void Run(Task handler, Action performRead, Action performFlush, Action wakeRead)
    {
        handler.GetAwaiter().UnsafeOnCompleted(() =>
        {
            bool abandoned;
            lock (_changing)
            {
                _handlerEnded = true;
                abandoned = _receiving;
            }

            if (abandoned)
            {
                wakeRead(); // the handler has ended and left a read behind
            }

            _wake.Release();
        });

        while (true)
        {
            Action? perform = null;
            lock (_changing)
            {
                _isHome = true;
                _isAway = false;
                if (_flushPosted)
                {
                    _flushPosted = false;
                    perform = performFlush;
                }
                else if (_handlerEnded)
                {
                    return;
                }
                else if (_readPosted)
                {
                    _readPosted = false;
                    _receiving = true;
                    perform = performRead;
                }
            }

            if (perform is null)
            {
                _wake.Wait();
                continue;
            }

            perform();
        }
    }

    /// <summary>A posted read has its bytes; the handler is about to run on this thread again.</summary>
    public void ReadPerformed()
    {
        lock (_changing)
        {
            _receiving = false;
            _isHome = false;
        }
    }

    /// <summary>A posted flush is done; the handler is about to run on this thread again.</summary>
    public void FlushPerformed()
    {
        lock (_changing)
        {
            _isHome = false;
        }
    }

    private void Posted(bool isRead, int number)
    {
        bool home;
        bool away;
        lock (_changing)
        {
            home = _isHome;
            away = _isAway;
        }

        if (!home && away)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static posted => posted.home.Rescue(posted.isRead, posted.number), (home: this, isRead, number), preferLocal: false);
            return;
        }

        _wake.Release();
        if (!home)
        {
            _ = RescueLaterAsync(isRead, number);
        }
    }

    private async Task RescueLaterAsync(bool isRead, int number)
    {
        for (int look = 0; look < MostLooks; look++)
        {
            await Task.Delay(LookEveryMilliseconds);
            lock (_changing)
            {
                if (!IsStillPosted(isRead, number))
                {
                    return;
                }
            }

            if ((_own.ThreadState & ThreadState.WaitSleepJoin) != 0)
            {
                break;
            }
        }

        Rescue(isRead, number);
    }

    private bool IsStillPosted(bool isRead, int number) => isRead ? _readPosted && _readNumber == number : _flushPosted && _flushNumber == number;

    private void Rescue(bool isRead, int number)
    {
        Action? perform;
        lock (_changing)
        {
            if (_isHome || !IsStillPosted(isRead, number))
            {
                return;
            }

            _isAway = true;
            if (isRead)
            {
                _readPosted = false;
                _receiving = true;
                perform = _performRead;
            }
            else
            {
                _flushPosted = false;
                perform = _performFlush;
            }
        }

        perform!();
    }
}
