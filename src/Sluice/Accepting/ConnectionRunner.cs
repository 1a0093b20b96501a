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
internal sealed class ConnectionRunner
{
    // The context of whoever made the server; every handler starts from it.
    private readonly ExecutionContext? _context = ExecutionContext.Capture();

    private readonly ConnectionDelegate _handler;
    private readonly ContextCallback _call; // made once, so that a connection costs no closure
    private readonly ConnectionGate _gate;
    private readonly ConnectionTable _table;
    private readonly ServerEvents _events;

    public ConnectionRunner(ConnectionDelegate handler, ConnectionSettings settings, ConnectionGate gate, ConnectionTable table, ServerEvents events)
    {
        (_handler, Settings, _gate, _table, _events) = (handler, settings, gate, table, events);
        _call = CallHandler;
    }

    /// <summary>What its connections are made with.</summary>
    public ConnectionSettings Settings { get; }

    /// <summary>Serves one connection to its end on the calling thread, which is the connection's own from here on. Does not throw.</summary>
    public void Run(Listener listener, StreamSocket socket)
    {
        ulong source = _gate.SourceOf(socket);
        long began = Stopwatch.GetTimestamp();
        var connection = new BlockingConnection(socket, Settings, new HomeThread()) { Listener = listener };
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
            _table.Remove(connection);
            End(connection, source, Stopwatch.GetElapsedTime(began));
        }
    }

    /// <summary>Serves one connection without a thread; the task ends when it is closed. Called on a thread pool thread. Does not throw.</summary>
    public async Task RunAsync(Listener listener, StreamSocket socket)
    {
        ulong source = _gate.SourceOf(socket);
        long began = Stopwatch.GetTimestamp();
        if (!AsyncConnection.TryCreate(socket, Settings, out AsyncConnection? connection))
        {
            _events.RaiseConnectionRefused(listener, socket, RefuseReason.NoWatch);
            socket.Close();
            _gate.Uncount(source);
            _gate.GiveBack();
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
            _table.Remove(connection);
            End(connection, source, Stopwatch.GetElapsedTime(began));
        }
    }

    /// <summary>
    /// Calls the handler of a connection that a loop keeps, up to its first wait, on the calling thread; <see cref="StreamConnection.Running"/>
    /// is its task. The loop then <see cref="Note"/>s and <see cref="Ended"/>s it. Does not throw.
    /// </summary>
    public void Start(StreamConnection connection)
    {
        _events.RaiseConnectionStarted(connection);
        Call(connection);
    }

    /// <summary>A connection that a loop kept is closed: tells, and gives its place back.</summary>
    public void Ended(StreamConnection connection, ulong source) =>
        End(connection, source, TimeSpan.FromMilliseconds(Environment.TickCount64 - connection.AcceptedAt));

    private void Begin(GatedConnection connection)
    {
        _table.Add(connection);
        _events.RaiseConnectionStarted(connection);
    }

    private Task Call(StreamConnection connection)
    {
        if (_context is null)
        {
            CallHandler(connection);
        }
        else
        {
            ExecutionContext.Run(_context, _call, connection);
        }

        return connection.Running!;
    }

    private void CallHandler(object? state)
    {
        var connection = (StreamConnection)state!;
        try
        {
            connection.Running = _handler(connection) ?? throw new InvalidOperationException("The handler returned null instead of a task.");
        }
        catch (Exception error)
        {
            connection.Running = Task.FromException(error);
        }
    }

    /// <summary>A handler's exception ends its connection, with a reset; nothing else. One that only says that the connection had ended is no failure.</summary>
    public static void Note(StreamConnection connection, Task running)
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

    private void End(StreamConnection connection, ulong source, TimeSpan lived)
    {
        _events.RaiseConnectionEnded(new ConnectionEnded(
            connection, connection.Listener!, connection.CloseReason, connection.Failure, lived, connection.BytesReceived, connection.BytesSent));
        _gate.Uncount(source);
        _gate.GiveBack(); // last: a drain that finds every place free has heard of every end
    }
}
