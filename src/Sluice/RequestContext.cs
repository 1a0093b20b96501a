using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Sluice.Requests;

namespace Sluice;

/// <summary>
/// One request as its handler sees it. The object and all it lends are used again for another request when the handler's task has ended. Of one handler call at a time.
/// </summary>
public sealed class RequestContext
{
    private readonly ReplyBuffer _reply = new();
    private byte[]? _copy; // rented: a request that lies in several segments, in one piece

    internal RequestContext()
    {
    }

    /// <summary>What was asked; may be empty. Valid until the handler's task ends.</summary>
    public ReadOnlyMemory<byte> Request { get; private set; }

    /// <summary>Where the reply goes, without what the framing puts around it. It is sent when the handler's task has ended.</summary>
    public IBufferWriter<byte> Response => _reply;

    /// <summary>
    /// Whether there is a reply, which may be empty. True at first: a handler says false for a request that wants none. False at first for a datagram whose sender has no
    /// address, and in <see cref="RequestHandler.OnBadFrameAsync"/>.
    /// </summary>
    public bool HasReply { get; set; }

    /// <summary>Whether the connection is to end behind this request's reply, in an orderly way. Requests that came behind it are dropped. Means nothing for a datagram.</summary>
    public bool IsLast { get; set; }

    /// <summary>Whether the request is a datagram.</summary>
    public bool IsDatagram => Datagram is not null;

    /// <summary>
    /// The connection, for its items and features; null for a datagram. Its pipes are in use: push through <see cref="IConnectionSender"/>.
    /// </summary>
    public ConnectionContext? Connection { get; private set; }

    /// <summary>The datagram; null for a connection.</summary>
    public DatagramContext? Datagram { get; private set; }

    /// <summary>Who asks; null for a Unix socket without a name.</summary>
    public EndPoint? RemoteEndPoint => Datagram is { } datagram ? datagram.RemoteEndPoint : Connection?.RemoteEndPoint;

    /// <summary>The address that was asked.</summary>
    public EndPoint? LocalEndPoint => Datagram is { } datagram ? datagram.LocalEndPoint : Connection?.LocalEndPoint;

    /// <summary>Ends when nobody waits for the reply any more: the connection has ended, or the server's drain has waited long enough for the datagram.</summary>
    public CancellationToken Aborted => Datagram is { } datagram ? datagram.Stopping : Connection?.ConnectionClosed ?? default;

    /// <summary>The reply so far.</summary>
    internal ReadOnlyMemory<byte> Reply => _reply.Written;

    /// <summary>Begins a request of a connection. A frame in one piece stays where it lies.</summary>
    internal void Begin(ConnectionContext connection, in ReadOnlySequence<byte> frame)
    {
        Next();
        (Connection, HasReply) = (connection, true);
        if (frame.IsSingleSegment)
        {
            Request = frame.First;
            return;
        }

        int length = (int)frame.Length; // at most the format's maximum
        _copy = ArrayPool<byte>.Shared.Rent(length);
        frame.CopyTo(_copy);
        Request = _copy.AsMemory(0, length);
    }

    /// <summary>Begins a request that is a datagram.</summary>
    internal void Begin(DatagramContext datagram)
    {
        Next();
        (Datagram, Request, HasReply) = (datagram, datagram.Payload, datagram.RemoteAddress.Size > 0);
    }

    /// <summary>Forgets the last request, and gives all memory back.</summary>
    internal void Release()
    {
        Next();
        _reply.Release();
        (Connection, Datagram) = (null, null);
    }

    private void Next()
    {
        if (_copy is not null)
        {
            ArrayPool<byte>.Shared.Return(_copy);
            _copy = null;
        }

        _reply.Clear();
        (Request, HasReply, IsLast) = (default, false, false);
    }
}
