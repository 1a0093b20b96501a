using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

/// <summary>The sample of docs/datagram-sessions.md.</summary>
public sealed class SessionSampleTests
{
    [Fact]
    public async Task Members_of_the_chat_hear_each_other_and_nobody_else_does()
    {
        using DatagramSessions sessions = new Chat().AsDatagramHandler(new() { RequireAddressProof = true });
        var listener = new FakeDatagrams(sessions);
        foreach (int peer in new[] { 1, 2 })
        {
            await listener.BringAsync(peer, new byte[AddressToken.Length]);
            await listener.BringAsync(peer, Assert.Single(listener.TakeSent()));
        }

        await listener.BringAsync(3, "a stranger"u8.ToArray());
        await listener.BringAsync(1, "hello"u8.ToArray());
        Assert.Equal("10.0.0.1:5000 hello, 10.0.0.2:5000 hello", string.Join(", ",
            listener.Sent.Select(one => $"{new System.Net.IPEndPoint(0, 0).Create(one.Peer)} {Encoding.ASCII.GetString(one.Payload)}").Order(StringComparer.Ordinal)));
    }

    private sealed class Chat : ConnectionHandler
    {
        private readonly ConcurrentDictionary<string, IConnectionSender> _members = new(StringComparer.Ordinal);
        private readonly AddressToken _tokens = new();

        public override async Task OnConnectedAsync(ConnectionContext peer)
        {
            IDatagramSession session = peer.Features.Get<IDatagramSession>()!;
            while (await peer.Transport.Input.ReadAsync() is { IsCompleted: false } read)
            {
                ReadOnlyMemory<byte> datagram = read.Buffer.First; // a datagram is in one piece
                if (session.AddressIsProven)
                {
                    foreach (IConnectionSender member in _members.Values)
                    {
                        member.TrySend(datagram.Span);
                    }
                }
                else if (_tokens.Verify(session.Peer, datagram.Span))
                {
                    session.ConfirmAddress();
                    _members[peer.ConnectionId] = peer.Features.Get<IConnectionSender>()!;
                }
                else if (datagram.Length >= AddressToken.Length)
                {
                    await peer.Transport.Output.WriteAsync(_tokens.Create(session.Peer));
                }

                peer.Transport.Input.AdvanceTo(read.Buffer.End);
            }

            _members.TryRemove(peer.ConnectionId, out _);
        }
    }
}
