using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice.Testing;

namespace Sluice.ConformanceTests;

/// <summary>The server's side of a race: an echo handler whose connection other threads lay hands on, and counts of what began and ended.</summary>
public sealed class RacedServer
{
    /// <summary>What a client sends first: its kind, and its number.</summary>
    public const int HeaderSize = 5;

    private readonly ConcurrentDictionary<int, TaskCompletionSource<RacedConnection>> _arrivals = new();
    private readonly ConcurrentDictionary<string, int> _ends = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _draining = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _accepted;
    private int _started;
    private int _finished;

    /// <summary>Set when the server is told to stop: from then on a connection may end at any byte.</summary>
    public bool IsDraining => _draining.Task.IsCompleted;

    /// <summary>Hears what the server tells. Before it starts.</summary>
    public void Watch(SocketServer server)
    {
        ArgumentNullException.ThrowIfNull(server);
        server.Events.ConnectionAccepted += _ => Interlocked.Increment(ref _accepted);
        server.Events.ConnectionEnded += ended => _ends.AddOrUpdate(ended.Connection.ConnectionId, 1, static (_, count) => count + 1);
    }

    public void Drains() => _draining.TrySetResult();

    /// <summary>The connection of that client, once its handler runs; null when the server drains first.</summary>
    public async Task<RacedConnection?> ArrivalAsync(int number)
    {
        Task<RacedConnection> arrival = Arrival(number).Task;
        await Task.WhenAny(arrival, _draining.Task).Within($"client {number} is served");
        return arrival.IsCompleted ? await arrival : null;
    }

    /// <summary>Every handler has ended, and every accepted connection has been told of once.</summary>
    public async Task AssertAllEndedAsync()
    {
        await Eventually.Until(() => Volatile.Read(ref _started) == Volatile.Read(ref _finished), $"{_started} handlers ended, not {_finished}");
        await Eventually.Until(() => _ends.Values.Sum() >= Volatile.Read(ref _accepted), $"{_accepted} ends are told, not {_ends.Values.Sum()}");
        Assert.Equal(_accepted, _ends.Values.Sum());
        Assert.All(_ends, end => Assert.Equal(1, end.Value));
        Assert.InRange(_started, 1, _accepted);
    }

    /// <summary>The handler.</summary>
    public async Task HandleAsync(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        Interlocked.Increment(ref _started);
        try
        {
            byte[] header = await Handlers.ReadExactlyAsync(connection.Transport.Input, HeaderSize);
            if (header.Length == HeaderSize)
            {
                var raced = new RacedConnection(connection);
                if ((Race)header[0] == Race.IdleLimit)
                {
                    connection.Features.Get<IConnectionUnit>()!.BeginUnit(); // the idle limit counts in units only
                }

                Arrival(BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(1))).TrySetResult(raced);
                await EchoAsync(raced);
            }
        }
        finally
        {
            Interlocked.Increment(ref _finished);
        }
    }

    // Echoes through cancelled reads, and is away from its thread now and then.
    private static async Task EchoAsync(RacedConnection raced)
    {
        (PipeReader input, PipeWriter output) = (raced.Connection.Transport.Input, raced.Connection.Transport.Output);
        for (int turn = 0; ; turn++)
        {
            ReadResult result;
            try
            {
                result = await input.ReadAsync(raced.ReadToken());
            }
            catch (OperationCanceledException error) when (error is not ConnectionAbortedException)
            {
                continue;
            }

            byte[] got = result.Buffer.ToArray();
            input.AdvanceTo(result.Buffer.End);
            if (turn % 5 == 1)
            {
                await Task.Yield();
            }

            if (turn % 7 == 2)
            {
                await Task.Delay(1).ConfigureAwait(false);
            }

            await output.WriteAsync(got);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    private TaskCompletionSource<RacedConnection> Arrival(int number) =>
        _arrivals.GetOrAdd(number, static _ => new TaskCompletionSource<RacedConnection>(TaskCreationOptions.RunContinuationsAsynchronously));
}

/// <summary>A served connection, for threads that are not its handler's.</summary>
public sealed class RacedConnection(ConnectionContext connection)
{
    private CancellationTokenSource? _reading;

    public ConnectionContext Connection => connection;

    /// <summary>Cancels the token of the handler's read, wherever that is.</summary>
    public void CancelRead() => Volatile.Read(ref _reading)?.Cancel();

    /// <summary>The token for the next read. Called by the handler.</summary>
    public CancellationToken ReadToken()
    {
        if (_reading is null or { IsCancellationRequested: true })
        {
            Volatile.Write(ref _reading, new CancellationTokenSource());
        }

        return _reading!.Token;
    }
}
