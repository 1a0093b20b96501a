using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

/// <summary>A listener that is not there: brings datagrams, keeps what was sent.</summary>
internal sealed class FakeDatagrams(DatagramSessions sessions) : IDatagramSender
{
    public ConcurrentQueue<(SocketAddress Peer, byte[] Payload)> Sent { get; } = new();

    public bool Takes { get; set; } = true;

    public bool Keeps { get; set; } = true;

    public int SentCount { get; private set; }

    public CancellationToken Stopping { get; set; }

    public Action<byte[]>? OnSend { get; set; }

    /// <summary>One of 16 million peers.</summary>
    public static SocketAddress Peer(int number) => new IPEndPoint(new IPAddress([10, (byte)(number >> 16), (byte)(number >> 8), (byte)number]), 5000).Serialize();

    public Task BringAsync(int peer, params byte[] payload) => sessions.OnDatagramAsync(new FakeDatagram(this, Peer(peer)) { Bytes = payload }).AsTask();

    /// <summary>One that is served at once.</summary>
    public void Bring(int peer, params byte[] payload) => Bring(new FakeDatagram(this, Peer(peer)) { Bytes = payload });

    public void Bring(DatagramContext datagram) => Assert.True(sessions.OnDatagramAsync(datagram).AsTask().IsCompletedSuccessfully);

    public bool TrySend(ReadOnlySpan<byte> payload, SocketAddress peer)
    {
        SentCount++;
        if (Takes && Keeps)
        {
            Sent.Enqueue((peer, payload.ToArray()));
        }

        if (OnSend is not null)
        {
            OnSend(payload.ToArray());
        }

        return Takes;
    }

    /// <summary>The payloads that were sent, and no more are kept.</summary>
    public byte[][] TakeSent()
    {
        byte[][] sent = [.. Sent.Select(one => one.Payload)];
        Sent.Clear();
        return sent;
    }
}

/// <summary>A datagram; used again for another, as the server does.</summary>
internal sealed class FakeDatagram(FakeDatagrams listener, SocketAddress peer) : DatagramContext
{
    private static readonly IPEndPoint Local = new(IPAddress.Loopback, 9000);

    public ReadOnlyMemory<byte> Bytes { get; set; }

    public bool IsCut { get; set; }

    public override ReadOnlyMemory<byte> Payload => Bytes;

    public override bool IsTruncated => IsCut;

    public override SocketAddress RemoteAddress { get; } = peer;

    public override EndPoint? RemoteEndPoint => RemoteAddress.Size == 0 ? null : new IPEndPoint(0, 0).Create(RemoteAddress);

    public override EndPoint LocalEndPoint => Local;

    public override DateTimeOffset ReceivedAt => default;

    public override UnixCredentials? Credentials => null;

    public override CancellationToken Stopping => listener.Stopping;

    public override IDatagramSender Sender => listener;

    public override ValueTask ReplyAsync(ReadOnlyMemory<byte> payload) => throw new NotSupportedException();

    public override ValueTask SendToAsync(ReadOnlyMemory<byte> payload, SocketAddress peer) => throw new NotSupportedException();
}

internal static class SessionHandlers
{
    /// <summary>Sends each datagram back, until there are no more.</summary>
    public static async Task Echo(ConnectionContext session)
    {
        while (true)
        {
            ReadResult read = await session.Transport.Input.ReadAsync();
            if (read.IsCompleted)
            {
                return;
            }

            foreach (ReadOnlyMemory<byte> part in read.Buffer)
            {
                session.Transport.Output.Write(part.Span);
            }

            session.Transport.Input.AdvanceTo(read.Buffer.End);
            await session.Transport.Output.FlushAsync();
        }
    }

    /// <summary>A handler that hands its session over and ends when it is told to.</summary>
    public static (ConnectionDelegate Handler, Func<ConnectionContext> Session, TaskCompletionSource End) Held()
    {
        ConnectionContext? last = null;
        var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return (session =>
        {
            last = session;
            return end.Task;
        }, () => last!, end);
    }

    public static void Write(this PipeWriter output, ReadOnlySpan<byte> bytes) => output.Write<byte>(bytes);

    public static IDatagramSession Of(ConnectionContext session) => session.Features.Get<IDatagramSession>()!;
}
