using System.Net;

namespace Sluice;

/// <summary>
/// One datagram as its handler sees it. The object and all it lends (<see cref="Payload"/>, <see cref="RemoteAddress"/>) are used again for another datagram when
/// the handler's task has ended. Nothing here allocates, but for the end points, which are made when they are asked for.
/// </summary>
public abstract class DatagramContext
{
    /// <summary>What was sent; may be empty. Valid until the handler's task ends.</summary>
    public abstract ReadOnlyMemory<byte> Payload { get; }

    /// <summary>Whether the datagram was longer than <see cref="DatagramOptions.MaxSize"/>: <see cref="Payload"/> is its beginning.</summary>
    public abstract bool IsTruncated { get; }

    /// <summary>The sender's address as the system has it, for use as a key without an allocation. Valid until the handler's task ends: keep a copy. Its size is 0 for an unnamed sender.</summary>
    public abstract SocketAddress RemoteAddress { get; }

    /// <summary>The sender's address; null for a Unix socket that was not bound, which cannot be answered.</summary>
    public abstract EndPoint? RemoteEndPoint { get; }

    /// <summary>The address that the datagram was sent to, which tells which of the machine's addresses it was where the server listens on all of them (IP_PKTINFO).</summary>
    public abstract EndPoint LocalEndPoint { get; }

    /// <summary>When the kernel received it, in UTC, as <see cref="DatagramOptions.Timestamps"/> says; otherwise when the server did.</summary>
    public abstract DateTimeOffset ReceivedAt { get; }

    /// <summary>Who sent it, on <c>unixgram://</c>, by the word of the kernel (SCM_CREDENTIALS); null on a network.</summary>
    public abstract UnixCredentials? Credentials { get; }

    /// <summary>Ends when the server's drain has waited long enough: what the handler still waits for need not come.</summary>
    public abstract CancellationToken Stopping { get; }

    /// <summary>For datagrams that are no answer, at any later time: lives as long as the server.</summary>
    public abstract IDatagramSender Sender { get; }

    /// <summary>
    /// Answers the sender, from the address that the datagram was sent to. The bytes are copied or sent before the task ends. What the system then cannot send
    /// is counted and told (<see cref="Diagnostics.ServerEvents.DatagramNotSent"/>), as nobody can say whether a datagram arrives. From any thread.
    /// </summary>
    /// <exception cref="SluiceException">SLU0210: the sender has no address. SLU0209: more bytes than a datagram can have.</exception>
    public abstract ValueTask ReplyAsync(ReadOnlyMemory<byte> payload);

    /// <summary>Sends to anybody, in the same way. <paramref name="peer"/> is of the listener's kind: an address of the same family, or a Unix path.</summary>
    /// <exception cref="SluiceException">SLU0209: more bytes than a datagram can have. SLU0210: this is no address that the socket can send to.</exception>
    public abstract ValueTask SendToAsync(ReadOnlyMemory<byte> payload, SocketAddress peer);

    /// <inheritdoc cref="SendToAsync(ReadOnlyMemory{byte}, SocketAddress)"/>
    public ValueTask SendToAsync(ReadOnlyMemory<byte> payload, EndPoint peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        return SendToAsync(payload, peer.Serialize());
    }
}

/// <summary>Sends datagrams from a listener's address. Safe from any thread, at any time until the server has stopped (with HandleOneAsync: until that call returns).</summary>
public interface IDatagramSender
{
    /// <summary>Sends one datagram now, without waiting.</summary>
    /// <returns>False when the system does not take it: no room at the moment, no such peer, or the server has stopped.</returns>
    bool TrySend(ReadOnlySpan<byte> payload, SocketAddress peer);
}
