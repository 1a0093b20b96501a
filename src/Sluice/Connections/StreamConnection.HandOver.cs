using System.Net.Sockets;
using Sluice.Transports;

namespace Sluice.Connections;

/// <summary>The socket becomes another process's.</summary>
internal abstract partial class StreamConnection
{
    /// <summary>Whether it has. From any thread.</summary>
    internal bool IsHandedOver => Has(Marks.HandedOver);

    StreamSocket ISocketHandOver.HandOver()
    {
        string? reason = Socket.Descriptor < 0 ? "it is not a socket of the system"
            : _extras?.Transport is not null ? "a middleware has put other pipes in its place"
            : BytesReceived + BytesSent > 0 || HasUnread || HasOutbox ? "bytes were received or sent here already"
            : IsHandedOver ? "it was handed over already"
            : LetGo();
        if (reason is not null)
        {
            throw new SluiceException(ErrorIds.CannotHandOver, $"the socket of connection {ConnectionId} cannot be another process's: {reason}");
        }

        TryMark(Marks.HandedOver);

        // Whoever ends it has seen the mark and left the socket alone, or is seen here.
        if (CloseReason is not (CloseReason.None or CloseReason.Drained))
        {
            throw EndedException();
        }

        Socket.SetReceiveTimeout(TimeSpan.Zero);
        Socket.SetSendTimeout(TimeSpan.Zero);
        return Socket;
    }

    /// <summary>Nobody here calls or watches the socket from now on. Says why not, if that cannot be.</summary>
    private protected abstract string? LetGo();

    /// <summary>Before our copy is closed: a connection that was ended ends for everybody who has its socket, and one that has ended by itself does not.</summary>
    private protected void EndHandedOver()
    {
        if (CloseReason is not (CloseReason.None or CloseReason.Drained or CloseReason.Completed))
        {
            Socket.Shutdown(SocketShutdown.Both);
        }
    }
}
