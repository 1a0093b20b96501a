using System.Net;

namespace Sluice.Tests.Requests;

/// <summary>A datagram, and the replies to it.</summary>
internal sealed class SentDatagram : DatagramContext
{
    private static readonly IPEndPoint Peer = new(IPAddress.Loopback, 2);
    private static readonly IPEndPoint Here = new(IPAddress.Loopback, 1);
    private static readonly SocketAddress PeerAddress = Peer.Serialize();
    private static readonly SocketAddress NoAddress = new(System.Net.Sockets.AddressFamily.Unix, 2) { Size = 0 };

    private byte[] _payload = [];

    public bool IsUnnamed { get; init; }

    public bool IsCut { get; init; }

    public CancellationToken Stop { get; init; }

    public int Replies { get; private set; }

    public byte[] Reply { get; } = new byte[70_000];

    public int ReplyLength { get; private set; }

    /// <summary>What a reply waits for, if anything.</summary>
    public Func<Task>? Slow { get; init; }

    public override ReadOnlyMemory<byte> Payload => _payload;

    public override bool IsTruncated => IsCut;

    public override SocketAddress RemoteAddress => IsUnnamed ? NoAddress : PeerAddress;

    public override EndPoint? RemoteEndPoint => IsUnnamed ? null : Peer;

    public override EndPoint LocalEndPoint => Here;

    public override DateTimeOffset ReceivedAt => DateTimeOffset.UnixEpoch;

    public override UnixCredentials? Credentials => null;

    public override CancellationToken Stopping => Stop;

    public override IDatagramSender Sender => throw new NotSupportedException();

    public SentDatagram With(byte[] payload)
    {
        (_payload, Replies, ReplyLength) = (payload, 0, -1);
        return this;
    }

    public override ValueTask ReplyAsync(ReadOnlyMemory<byte> payload)
    {
        if (Slow is null)
        {
            Keep(payload);
            return default;
        }

        return ReplySlowlyAsync(payload);
    }

    public override ValueTask SendToAsync(ReadOnlyMemory<byte> payload, SocketAddress peer) => throw new NotSupportedException();

    // Looks at the bytes only after the wait, as a sender that waits for room does.
    private async ValueTask ReplySlowlyAsync(ReadOnlyMemory<byte> payload)
    {
        await Slow!();
        Keep(payload);
    }

    private void Keep(ReadOnlyMemory<byte> payload)
    {
        payload.CopyTo(Reply);
        ReplyLength = payload.Length;
        Replies++;
    }
}
