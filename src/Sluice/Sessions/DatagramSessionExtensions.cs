using Microsoft.AspNetCore.Connections;

namespace Sluice.Sessions;

/// <summary>Makes handlers of datagrams from handlers of connections.</summary>
public static class DatagramSessionExtensions
{
    /// <summary>Serves each peer with <paramref name="handler"/>, in a session of its own.</summary>
    /// <exception cref="SluiceException">SLU0008: an option is out of its range.</exception>
    public static DatagramSessions AsDatagramHandler(this ConnectionHandler handler, DatagramSessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new(handler.OnConnectedAsync, options);
    }

    /// <inheritdoc cref="AsDatagramHandler(ConnectionHandler, DatagramSessionOptions?)"/>
    public static DatagramSessions AsDatagramHandler(this ConnectionDelegate handler, DatagramSessionOptions? options = null) => new(handler, options);

    /// <inheritdoc cref="AsDatagramHandler(ConnectionHandler, DatagramSessionOptions?)"/>
    public static DatagramSessions AsDatagramHandler(this Func<ConnectionContext, Task> handler, DatagramSessionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return new(new ConnectionDelegate(handler), options);
    }
}
