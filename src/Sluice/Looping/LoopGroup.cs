using Sluice.Accepting;
using Sluice.Models;
using Sluice.Transports;

namespace Sluice.Looping;

/// <summary>
/// The loops of one server. The first accepts for all and hands each connection to the loop that has the fewest, itself before others when
/// they are equal; there it stays for life. See decision 0008 for why the listeners are not shared.
/// </summary>
internal sealed class LoopGroup
{
    private readonly TaskCompletionSource _accepted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ServerContext _server;
    private readonly Loop[] _loops;
    private int _ended;

    private LoopGroup(ServerContext server, Func<int, LoopGroup, Loop> make)
    {
        _server = server;
        int count = server.AcceptBudget is { } budget ? Math.Min(budget, CountFor(server.Options)) : CountFor(server.Options);
        _loops = new Loop[count];
        for (int i = 0; i < count; i++)
        {
            try
            {
                _loops[i] = make(i, this);
            }
            catch
            {
                Array.ForEach(_loops[..i], loop => loop.Dispose()); // the system has no more of what a loop needs, and these will not run
                throw;
            }
        }
    }

    /// <summary>How many loops there are.</summary>
    public int Count => _loops.Length;

    public static int CountFor(SocketServerOptions options) => options.Loops ?? Environment.ProcessorCount;

    /// <summary>Runs as many loops as the options say, each on a thread of its own, until they have been stopped and their connections have ended.</summary>
    public static Task RunAsync(ServerContext server, Func<int, LoopGroup, Loop> make, CancellationToken stop)
    {
        var group = new LoopGroup(server, make);
        return group.RunAsync(stop);
    }

    /// <summary>Hands a connection to the loop with the fewest. On the loop that accepts.</summary>
    public void Dispatch(Loop from, Listener listener, StreamSocket socket)
    {
        Loop least = from;
        int fewest = from.Count;
        foreach (Loop loop in _loops)
        {
            if (loop.Count < fewest)
            {
                (least, fewest) = (loop, loop.Count);
            }
        }

        least.Expect();
        if (least == from)
        {
            least.Adopt(listener, socket);
        }
        else
        {
            least.Post(static handed =>
            {
                (Loop loop, Listener listener, StreamSocket socket) = ((Loop, Listener, StreamSocket))handed!;
                loop.Adopt(listener, socket);
            }, (least, listener, socket));
        }
    }

    /// <summary>The first loop accepts no more: the others get nothing new, so they may end too.</summary>
    public void AcceptingEnded()
    {
        foreach (Loop loop in _loops)
        {
            loop.Stop();
        }

        _accepted.TrySetResult();
    }

    // Whether every loop has come to what was posted to it the last time.
    private bool Pulse()
    {
        bool all = true;
        foreach (Loop loop in _loops)
        {
            all &= loop.Pulse();
        }

        return all;
    }

    private async Task RunAsync(CancellationToken stop)
    {
        Action freed = _loops[0].LookAtListeners;
        _server.Gate.OnFreed(freed);
        _server.Pulse = Pulse;
        var watchdog = new LoopWatchdog(_server, _loops);
        Task[] ends = [.. _loops.Select(loop => OwnThread.RunAsync($"sluice-loop-{loop.Index}", _server.Options, () => Run(loop, watchdog)))];
        await using CancellationTokenRegistration stopping = stop.UnsafeRegister(static loop => ((Loop)loop!).Stop(), _loops[0]);
        try
        {
            await (_server.Options.IndependentThreads ? _accepted.Task : Task.WhenAll(ends));
        }
        finally
        {
            _server.Gate.NotOnFreed(freed);
        }
    }

    private void Run(Loop loop, LoopWatchdog watchdog)
    {
        _server.Table.Attach(loop);
        try
        {
            loop.Run();
        }
        catch
        {
            AcceptingEnded(); // the server ends with its reason, rather than serve on with one loop less
            throw;
        }
        finally
        {
            _server.Table.Detach(loop);
            loop.Dispose();
            if (Interlocked.Increment(ref _ended) == _loops.Length)
            {
                watchdog.Dispose();
            }
        }
    }
}
