using Microsoft.AspNetCore.Connections;
using Sluice.Datagrams;
using Sluice.Diagnostics;
using Sluice.Sessions;

namespace Sluice;

/// <summary>What a server has to do with sessions, which know no server.</summary>
public sealed partial class SocketServer
{
    // Their handlers may send after the datagram that began them is over: a stop closes no socket before they have ended. A model that ends otherwise, because it
    // was to serve one datagram, waits for none.
    private void AwaitSessions()
    {
        if (_handlers.Datagrams is DatagramSessions sessions && _datagramRunner is { } runner)
        {
            runner.Quiet = () => _stop.IsCancellationRequested ? sessions.EndedAsync(runner.Stopping.Token) : Task.CompletedTask;
        }
    }

    // A step of the drain.
    private void RequestEndOfSessions()
    {
        if (_handlers.Datagrams is DatagramSessions sessions && _datagramRunner is { } runner)
        {
            sessions.RequestEnd(runner.Stopping.Token);
        }
    }

    // It may have failed at any time, so no datagram tells of it. The sessions may be others' too.
    private void OnSessionFailed(ConnectionContext session, Exception failure)
    {
        if (session is DatagramSession { Sender: DatagramReceiver { Listener: var listener } } && _listeners.Contains(listener))
        {
            Events.RaiseDatagramFailed(new DatagramFailed(listener, session.RemoteEndPoint, failure));
        }
    }
}
