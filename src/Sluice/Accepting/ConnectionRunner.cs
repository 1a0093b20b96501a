using System.Diagnostics;
using Microsoft.AspNetCore.Connections;
using Sluice.Connections;
using Sluice.Diagnostics;
using Sluice.Transports;

namespace Sluice.Accepting;

/// <summary>
/// The only caller of a handler: makes the connection, runs the handler in an ExecutionContext of its own (an AsyncLocal of one client is never
/// seen by the next on the same thread), ends it, closes it, and gives its place back.
/// </summary>
internal sealed class ConnectionRunner(
    ConnectionDelegate handler, ConnectionSettings settings, ConnectionGate gate, ConnectionTable table, ServerEvents events)
{
    // The context of whoever made the server; every handler starts from it.
    private readonly ExecutionContext? _context = ExecutionContext.Capture();

    /// <summary>Serves one connection to its end on the calling thread, which is the connection's own from here on.</summary>
    public void Run(Listener listener, StreamSocket socket)
    {
        ulong source = socket.SourceKey;
        long began = Stopwatch.GetTimestamp();
        var connection = new BlockingConnection(socket, settings, new HomeThread());
        Begin(connection, listener);
        try
        {
            Task running = Task.CompletedTask;
            InContext(() => running = Call(connection));
            connection.RunHome(running);
            Note(connection, running);
        }
        finally
        {
            connection.Finish();
            End(connection, listener, source, began);
        }
    }

    /// <summary>Serves one connection without a thread; the task ends when it is closed. Called on a thread pool thread.</summary>
    public async Task RunAsync(Listener listener, StreamSocket socket)
    {
        ulong source = socket.SourceKey;
        long began = Stopwatch.GetTimestamp();
        var connection = new AsyncConnection(socket, settings);
        Begin(connection, listener);
        try
        {
            Task running = Task.CompletedTask;
            InContext(() => running = Call(connection));
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Note(connection, running);
        }
        finally
        {
            await connection.FinishAsync();
            End(connection, listener, source, began);
        }
    }

    private void InContext(Action call)
    {
        if (_context is null)
        {
            call();
        }
        else
        {
            ExecutionContext.Run(_context, static call => ((Action)call!)(), call);
        }
    }

    private void Begin(StreamConnection connection, Listener listener)
    {
        table.Add(connection, listener);
        events.RaiseConnectionStarted(connection);
    }

    private Task Call(ConnectionContext connection)
    {
        try
        {
            return handler(connection);
        }
        catch (Exception error)
        {
            return Task.FromException(error);
        }
    }

    // A handler's exception ends its connection, with a reset; nothing else. One that only says that the connection had ended is no failure.
    private static void Note(StreamConnection connection, Task running)
    {
        if (running.IsCompletedSuccessfully)
        {
            return;
        }

        Exception error = running.Exception?.InnerException ?? new OperationCanceledException();
        bool hadEnded = connection.CloseReason is not (CloseReason.None or CloseReason.Drained);
        if (!hadEnded || error is not (ConnectionResetException or ConnectionAbortedException or OperationCanceledException))
        {
            connection.Failure = error;
            connection.End(CloseReason.HandlerFailed);
        }
    }

    private void End(StreamConnection connection, Listener listener, ulong source, long began)
    {
        table.Remove(connection);
        gate.Uncount(source);
        gate.GiveBack();
        events.RaiseConnectionEnded(new ConnectionEnded(
            connection, listener, connection.CloseReason, connection.Failure, Stopwatch.GetElapsedTime(began), connection.BytesReceived, connection.BytesSent));
    }
}
