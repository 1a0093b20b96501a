using Sluice.Transports;

namespace Sluice.Connections;

/// <summary>A feature of every connection: its socket can become another process's, bytes and all, if nobody here has touched them.</summary>
internal interface ISocketHandOver
{
    /// <summary>
    /// Ends all that the connection does with its socket: nobody here receives, sends or waits any more, and no timeout is set on it. When the handler has
    /// ended, our copy is closed without a word to the peer; it is shut down first if a limit, a cut or an abort ended the connection. Called by the handler,
    /// once, before it reads or writes.
    /// </summary>
    /// <returns>The socket, whose descriptor may be passed on until the handler has ended.</returns>
    /// <exception cref="SluiceException">SLU0320: it cannot be handed over.</exception>
    StreamSocket HandOver();
}
