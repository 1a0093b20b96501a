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

    /// <summary>Serves one connection to its end on the calling thread, which is the connection's own from here on. Does not throw.</summary>
    public void Run(Listener listener, StreamSocket socket)
    {
        ulong source = gate.SourceOf(socket);
        long began = Stopwatch.GetTimestamp();
        var connection = new BlockingConnection(socket, settings, new HomeThread()) { Listener = listener };
        Begin(connection);
        try
        {
            Task running = Call(connection);
            connection.RunHome(running);
            Note(connection, running);
            connection.Finish();
        }
        catch (Exception error)
        {
            Fail(connection, error);
            connection.Finish();
        }
        finally
        {
            End(connection, source, began);
        }
    }

    /// <summary>Serves one connection without a thread; the task ends when it is closed. Called on a thread pool thread. Does not throw.</summary>
    public async Task RunAsync(Listener listener, StreamSocket socket)
    {
        ulong source = gate.SourceOf(socket);
        long began = Stopwatch.GetTimestamp();
        if (!AsyncConnection.TryCreate(socket, settings, out AsyncConnection? connection))
        {
            events.RaiseConnectionRefused(listener, socket, RefuseReason.NoWatch);
            socket.Close();
            gate.Uncount(source);
            gate.GiveBack();
            return;
        }

        connection.Listener = listener;
        Begin(connection);
        try
        {
            Task running = Call(connection);
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Note(connection, running);
            await connection.FinishAsync();
        }
        catch (Exception error)
        {
            Fail(connection, error);
            await connection.FinishAsync();
        }
        finally
        {
            End(connection, source, began);
        }
    }

    private void Begin(GatedConnection connection)
    {
        table.Add(connection);
        events.RaiseConnectionStarted(connection);
    }

    private Task Call(ConnectionContext connection)
    {
        Task running = Task.CompletedTask;
        if (_context is null)
        {
            CallHandler();
        }
        else
        {
            ExecutionContext.Run(_context, static call => ((Action)call!)(), (Action)CallHandler);
        }

        return running;

        void CallHandler()
        {
            try
            {
                running = handler(connection);
            }
            catch (Exception error)
            {
                running = Task.FromException(error);
            }
        }
    }

    // A handler's exception ends its connection, with a reset; nothing else. One that only says that the connection had ended is no failure.
    private static void Note(StreamConnection connection, Task running)
    {
        if (!running.IsCompletedSuccessfully)
        {
            Exception error = running.Exception?.InnerException ?? new OperationCanceledException();
            bool hadEnded = connection.CloseReason is not (CloseReason.None or CloseReason.Drained);
            if (!hadEnded || error is not (ConnectionResetException or ConnectionAbortedException or OperationCanceledException))
            {
                Fail(connection, error);
            }
        }
    }

    private static void Fail(StreamConnection connection, Exception error)
    {
        connection.Failure ??= error;
        connection.End(CloseReason.HandlerFailed);
    }

    private void End(GatedConnection connection, ulong source, long began)
    {
        table.Remove(connection);
        events.RaiseConnectionEnded(new ConnectionEnded(
            connection, connection.Listener!, connection.CloseReason, connection.Failure, Stopwatch.GetElapsedTime(began), connection.BytesReceived, connection.BytesSent));
        gate.Uncount(source);
        gate.GiveBack(); // last: a drain that finds every place free has heard of every end
    }
}
