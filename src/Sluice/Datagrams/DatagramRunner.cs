using System.Runtime.CompilerServices;
using Sluice.Diagnostics;

namespace Sluice.Datagrams;

/// <summary>
/// The only caller of a datagram handler: runs it in the ExecutionContext of whoever made the server (an AsyncLocal of one datagram is never seen by the next on
/// the same thread), and tells of what it throws.
/// </summary>
internal sealed class DatagramRunner(DatagramHandler handler, ServerEvents events)
{
    // The context of whoever made the server; null when that one lets none flow.
    private readonly ExecutionContext? _context = ExecutionContext.Capture();

    /// <summary>Ends when the server's drain has waited long enough.</summary>
    public CancellationTokenSource Stopping { get; } = new();

    /// <summary>What a handler goes on with after its datagrams have ended, such as sessions: ends when there is nothing left. Asked after the stop.</summary>
    public Func<Task>? Quiet { get; set; }

    public ServerEvents Events => events;

    /// <summary>Runs <paramref name="work"/>, which calls handlers, where each of them is to begin.</summary>
    public void Enter(ContextCallback work, object state)
    {
        if (_context is null)
        {
            work(state);
        }
        else
        {
            ExecutionContext.Run(_context, work, state);
        }
    }

    /// <summary>
    /// Calls the handler up to its first wait, on the calling thread. True: it has ended. False: it waits, and goes back to its receiver by itself when it has
    /// ended. Does not throw.
    /// </summary>
    public bool TryRun(ReceivedDatagram datagram)
    {
        // All in it: a task that was used before, or is another's, throws at whatever it is asked.
        try
        {
            ValueTask task = handler.OnDatagramAsync(datagram);
            Restore();
            if (task.IsCompleted)
            {
                task.GetAwaiter().GetResult(); // a source that is used again wants to hear it
                return true;
            }

            datagram.Await(task);
            return false;
        }
        catch (Exception error)
        {
            Restore();
            Fail(datagram, error);
            return true;
        }
    }

    /// <summary>Calls the handler and waits for its end on the calling thread, which is the datagram's own so long. Does not throw.</summary>
    public void Run(ReceivedDatagram datagram) => Enter(static state =>
    {
        var datagram = (ReceivedDatagram)state!;
        DatagramRunner runner = datagram.Receiver.Runner;
        try
        {
            ValueTask task = runner.Handle(datagram);
            if (task.IsCompleted)
            {
                task.GetAwaiter().GetResult();
            }
            else
            {
                task.AsTask().GetAwaiter().GetResult(); // blocks: the model has a thread for it
            }
        }
        catch (Exception error)
        {
            runner.Fail(datagram, error);
        }
    }, datagram);

    /// <summary>A task has ended: tells if it failed.</summary>
    public void End(ReceivedDatagram datagram, ValueTask task)
    {
        try
        {
            task.GetAwaiter().GetResult();
        }
        catch (Exception error)
        {
            Fail(datagram, error);
        }
    }

    private ValueTask Handle(ReceivedDatagram datagram) => handler.OnDatagramAsync(datagram);

    // What a handler that is no async method has set would be the next one's.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Restore()
    {
        if (_context is not null && !ReferenceEquals(ExecutionContext.Capture(), _context))
        {
            ExecutionContext.Restore(_context);
        }
    }

    private void Fail(ReceivedDatagram datagram, Exception error) =>
        events.RaiseDatagramFailed(new DatagramFailed(datagram.Receiver.Listener, datagram.RemoteEndPoint, error));
}
