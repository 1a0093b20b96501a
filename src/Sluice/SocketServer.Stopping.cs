using Sluice.Diagnostics;
using Sluice.Sessions;
using Sluice.Transports;

namespace Sluice;

/// <summary>How a server stops: it asks, waits, and cuts what is left.</summary>
public sealed partial class SocketServer
{
    // How long a handler that was cut may take to come out of its last call.
    private static readonly TimeSpan AfterCut = TimeSpan.FromSeconds(IsWorker ? 1 : 2);

    // How much longer a master waits, because its workers wait as well.
    private static readonly TimeSpan AfterWorkersCut = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Stops: (1) accepts no more, at once; (2) asks handlers to finish, and ends those that wait in a read with nothing in flight; (3) waits
    /// for them up to <paramref name="drain"/>; (4) cuts what is left; (5) closes. More calls give the first one's report; a shorter drain
    /// shortens it.
    /// </summary>
    /// <param name="drain">How long to wait; null is <see cref="SocketServerOptions.Drain"/>, zero is now.</param>
    public Task<DrainReport> StopAsync(TimeSpan? drain = null)
    {
        lock (_changing)
        {
            long deadline = Environment.TickCount64 + (long)(drain ?? _options.Drain).TotalMilliseconds;
            _drainDeadline = Math.Min(_drainDeadline, deadline);
            return _stopping ??= DrainAsync();
        }
    }

    /// <summary>Stops with the drain of the options, unless stopped already.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_handlers.Datagrams is DatagramSessions sessions)
        {
            sessions.HandlerFailed -= OnSessionFailed;
        }

        Metrics.Dispose();
        _stop.Dispose();
    }

    private async Task<DrainReport> DrainAsync()
    {
        long began = Environment.TickCount64;
        await Task.Yield(); // out of the caller's lock
        Enter(ServerState.Draining);

        // 1. Accept no more: the system refuses whoever comes from here on.
        await _stop.CancelAsync();
        foreach (Listener listener in _listeners)
        {
            listener.Close();
        }

        // 2. and 3. Ask, and ask again: a handler may go into its read at any moment.
        int ended = 0;
        void Ended(ConnectionEnded _) => Interlocked.Increment(ref ended);
        Events.ConnectionEnded += Ended;
        do
        {
            _table.ForEach(static (connection, server) => server.AskToEnd(connection), this);
            RequestEndOfSessions();
            _table.Workers?.RequestDrain(Volatile.Read(ref _drainDeadline));
        }
        while (!_options.IndependentThreads && !await EndedWithinAsync(Volatile.Read(ref _drainDeadline), TimeSpan.FromMilliseconds(10)));

        // 4. Cut. A handler that was cut comes out of its call; one that computes for ever is left to the process's end.
        int cut = 0;
        if (!_options.IndependentThreads)
        {
            // What handlers have registered may throw, or take its time.
            Task told = _datagramRunner?.Stopping.CancelAsync() ?? Task.CompletedTask;
            await Task.WhenAny(told, Task.Delay(AfterCut));
            TimeSpan patience = Models.All(model => model.Capabilities.SharesMemory) || IsWorker ? AfterCut : AfterCut + AfterWorkersCut;
            long lastLook = Environment.TickCount64 + (long)patience.TotalMilliseconds;
            if (_serving is { IsCompleted: false })
            {
                _table.Workers?.Cut();
            }

            do
            {
                _table.ForEach((connection, _) => cut += connection.End(CloseReason.DrainCut) ? 1 : 0, false);
            }
            while (!await EndedWithinAsync(lastLook, TimeSpan.FromMilliseconds(50)));
        }

        // 5. Close.
        if (_gate is { Taken: 0 })
        {
            _sweep?.Dispose();
        }

        Events.ConnectionEnded -= Ended;
        (int Ended, int Cut) ofWorkers = _table.Workers?.Drained ?? default;
        var report = new DrainReport(Math.Max(0, ended - cut) + ofWorkers.Ended, cut + ofWorkers.Cut, TimeSpan.FromMilliseconds(Environment.TickCount64 - began));
        Events.RaiseDrained(report);
        Enter(ServerState.Stopped);
        return report;
    }

    // True when every place is free and the model has ended, or the deadline has passed; false after one wait.
    private async Task<bool> EndedWithinAsync(long deadline, TimeSpan wait)
    {
        if (_gate is null || (_gate.Taken == 0 && _serving is null or { IsCompleted: true }) || Environment.TickCount64 >= deadline)
        {
            return true;
        }

        await Task.Delay(wait);
        return false;
    }
}
