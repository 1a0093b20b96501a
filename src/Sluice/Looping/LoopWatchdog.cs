using Sluice.Accepting;

namespace Sluice.Looping;

/// <summary>
/// A thread outside the loops that looks whether each goes on. A loop that neither waits for the kernel nor begins anything new is kept by its
/// handler: that is reported while it lasts, once per server, because a server has one handler.
/// </summary>
internal sealed class LoopWatchdog : IDisposable
{
    private readonly ServerContext _server;
    private readonly Loop[] _loops;
    private readonly long[] _steps;
    private readonly long[] _since;
    private readonly TimeSpan _limit;
    private readonly ManualResetEventSlim _stop = new(initialState: false, spinCount: 0);
    private bool _reported;

    public LoopWatchdog(ServerContext server, Loop[] loops)
    {
        _server = server;
        _loops = loops;
        _steps = new long[loops.Length];
        _since = new long[loops.Length];
        if (server.Options.LoopBlockedAfter is { } limit)
        {
            _limit = limit;
            new Thread(Run, maxStackSize: 128 * 1024) { IsBackground = true, Name = "sluice-watchdog" }.UnsafeStart();
        }
    }

    public void Dispose() => _stop.Set();

    private void Run()
    {
        // Four looks within the limit: a report comes at most a quarter late.
        TimeSpan look = TimeSpan.FromMilliseconds(Math.Max(_limit.TotalMilliseconds / 4, 1));
        long last = Environment.TickCount64;
        Array.Fill(_since, last);
        while (!_stop.Wait(look) && !_reported)
        {
            // Where this thread comes late, the machine is busy with others, and so may the loops' threads be: that time does not count.
            long now = Environment.TickCount64;
            long late = now - last - (2 * (long)look.TotalMilliseconds);
            last = now;
            for (int i = 0; i < _loops.Length; i++)
            {
                _since[i] += Math.Max(late, 0);
                Look(i, now);
            }
        }
    }

    private void Look(int index, long now)
    {
        Loop loop = _loops[index];
        long steps = loop.Steps;
        if (loop.Sleeps || steps != _steps[index])
        {
            (_steps[index], _since[index]) = (steps, now);
        }
        else if (now - _since[index] >= _limit.TotalMilliseconds && !_reported)
        {
            _reported = true;
            _server.Events.RaiseLoopBlocked(new(_server.HandlerName, loop.Index, TimeSpan.FromMilliseconds(now - _since[index])));
        }
    }
}
