using Microsoft.AspNetCore.Connections;

namespace Sluice.Sessions;

/// <summary>The only caller of a session's handler: runs it in an ExecutionContext of its own, so that an AsyncLocal of one peer is never seen by the next on the same thread.</summary>
internal sealed class SessionRunner
{
    // The context of whoever made the sessions; every handler starts from it.
    private readonly ExecutionContext? _context = ExecutionContext.Capture();

    private readonly ConnectionDelegate _handler;
    private readonly ContextCallback _call; // made once, so that a session costs no closure

    public SessionRunner(ConnectionDelegate handler)
    {
        _handler = handler;
        _call = session => CallHandler((DatagramSession)session!);
    }

    /// <summary>Calls the handler, up to its first wait, on the calling thread. Does not throw.</summary>
    public Task Call(DatagramSession session)
    {
        if (_context is null)
        {
            CallHandler(session);
        }
        else
        {
            ExecutionContext.Run(_context, _call, session);
        }

        return session.Running!;
    }

    /// <summary>Why a handler failed; null when it did not. One that only says that its session had ended is no failure.</summary>
    public static Exception? FailureOf(DatagramSession session)
    {
        if (session.Running!.IsCompletedSuccessfully)
        {
            return null;
        }

        Exception error = session.Running.Exception?.InnerException ?? new OperationCanceledException();
        return session.CloseReason is not (CloseReason.None or CloseReason.Drained) && error is ConnectionAbortedException or OperationCanceledException ? null : error;
    }

    private void CallHandler(DatagramSession session)
    {
        try
        {
            session.Running = _handler(session) ?? throw new InvalidOperationException("The handler returned null instead of a task.");
        }
        catch (Exception error)
        {
            session.Running = Task.FromException(error);
        }
    }
}
