using Sluice.Accepting;
using Sluice.Datagrams;
using Sluice.Transports;

namespace Sluice.Looping;

/// <summary>
/// The datagram sockets of one loop. An address that has several sockets gives each loop one; the only socket of an address is the first loop's. For the loop's
/// thread.
/// </summary>
internal sealed class LoopDatagrams
{
    private readonly DatagramReceiver[] _receivers;
    private readonly ServerContext _server;
    private readonly Action _freed;
    private int _open;

    /// <param name="server">For whom.</param>
    /// <param name="loop">The loop's number.</param>
    /// <param name="loops">How many there are.</param>
    /// <param name="freed">Called, from any thread, when a place is free after none was.</param>
    public LoopDatagrams(ServerContext server, int loop, int loops, Action freed)
    {
        _server = server;
        _freed = freed;
        _receivers = [.. Share(server.Datagrams, loop, loops).Select(listener => new DatagramReceiver(listener, server, waits: false))];
        _open = _receivers.Length;
        if (_open > 0)
        {
            server.DatagramPlaces.OnFreed(freed);
        }
    }

    public int Count => _receivers.Length;

    public DatagramReceiver this[int index] => _receivers[index];

    /// <summary>Whether nothing more will come of them: all are stopped, and no handler runs.</summary>
    public bool IsOver => _open == 0;

    /// <summary>When one that pauses may be looked at again: TickCount64, or long.MaxValue.</summary>
    public long NextLook
    {
        get
        {
            long next = long.MaxValue;
            foreach (DatagramReceiver receiver in _receivers)
            {
                next = receiver is { IsStopped: false, NotBefore: > 0 } ? Math.Min(next, receiver.NotBefore) : next;
            }

            return next;
        }
    }

    /// <summary>Receives no more. Each that no handler needs any more is closed, after <paramref name="ended"/>, which comes on any thread.</summary>
    public void Stop(Action<DatagramReceiver> ended)
    {
        _server.DatagramPlaces.NotOnFreed(_freed);
        foreach (DatagramReceiver receiver in _receivers)
        {
            receiver.Stop();
            _ = EndAsync(receiver, ended);
        }
    }

    /// <summary>No handler has anything of it any more. On the loop.</summary>
    public void Close(DatagramReceiver receiver)
    {
        receiver.Dispose();
        _open--;
    }

    /// <summary>The loop ends, however far it has come.</summary>
    public void Dispose() => Array.ForEach(_receivers, receiver => receiver.Dispose());

    private static async Task EndAsync(DatagramReceiver receiver, Action<DatagramReceiver> ended)
    {
        await receiver.Ended.ConfigureAwait(false);
        if (receiver.Runner.Quiet is { } quiet)
        {
            await quiet().ConfigureAwait(false);
        }

        ended(receiver);
    }

    // The twins of an address come one after the other, the first of them first.
    private static IEnumerable<DatagramListener> Share(IReadOnlyList<DatagramListener> listeners, int loop, int loops)
    {
        int number = 0;
        foreach (DatagramListener listener in listeners)
        {
            number = listener.IsTwin ? number + 1 : 0;
            if (number % loops == loop)
            {
                yield return listener;
            }
        }
    }
}
