using System.Net;

namespace Sluice.Sessions;

/// <summary>A feature of every session: what a connection has no words for. From any thread.</summary>
public interface IDatagramSession
{
    /// <summary>The peer's address as the system has it, for <see cref="AddressToken"/>. Not to be changed.</summary>
    SocketAddress Peer { get; }

    /// <summary>Whether the handler has said that the peer receives what is sent to it (<see cref="ConfirmAddress"/>).</summary>
    bool AddressIsProven { get; }

    /// <summary>Bytes of the peer's datagrams that were taken in; those that were dropped do not count.</summary>
    long BytesReceived { get; }

    /// <summary>Bytes that the system took to send.</summary>
    long BytesSent { get; }

    /// <summary>Datagrams of the peer that were dropped because the handler did not read.</summary>
    long DroppedIn { get; }

    /// <summary>Datagrams that the system did not take (<see cref="IDatagramSender.TrySend"/>), or that were over the budget when the session ended.</summary>
    long NotSent { get; }

    /// <summary>
    /// Bytes that may still be sent before the proof: what was received less what was sent, and 0 when as many datagrams were sent as received.
    /// <see cref="long.MaxValue"/> where no proof is asked for, or it was given.
    /// </summary>
    long SendBudget { get; }

    /// <summary>The peer has shown that it receives what is sent to it: it has sent back a token, say. There is no budget from here on.</summary>
    void ConfirmAddress();

    /// <summary>From here on neither more bytes nor more datagrams are sent than were received, until <see cref="ConfirmAddress"/>.</summary>
    void RequireProof();

    /// <summary>Sends a datagram without a byte, which no flush does.</summary>
    /// <returns>False when it was not sent: over the budget, not taken by the system, or the session has ended.</returns>
    bool TrySendEmpty();
}
