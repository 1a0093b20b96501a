using System.Net;
using Microsoft.AspNetCore.Connections;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

public sealed class SessionFloodTests
{
    private const int Datagrams = 1_000_000;
    private const int Addresses = 50_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_flood_from_many_addresses_costs_what_the_limits_say_and_a_known_peer_is_served(bool reads)
    {
        const long MostBytes = 1024 * 1024;
        var never = new TaskCompletionSource();
        ConnectionDelegate handler = session => reads || session.RemoteEndPoint is IPEndPoint { Port: 1 } ? SessionHandlers.Echo(session) : never.Task;
        using var sessions = new DatagramSessions(handler, new() { MaxSessions = 1000, MaxTotalQueuedBytes = MostBytes });
        var listener = new FakeDatagrams(sessions) { Keeps = false };
        byte[] payload = new byte[64];
        var known = new FakeDatagram(listener, new IPEndPoint(IPAddress.Loopback, 1).Serialize()) { Bytes = "hello"u8.ToArray() };
        FakeDatagram[] flood = [.. Enumerable.Range(0, Addresses).Select(peer => new FakeDatagram(listener, FakeDatagrams.Peer(peer)) { Bytes = payload })];
        var random = new Random(7);
        listener.Bring(known);
        long highest = 0;
        for (int i = 0; i < Datagrams; i++)
        {
            listener.Bring(flood[random.Next(Addresses)]);
            if (i % 10_000 == 0)
            {
                highest = Math.Max(highest, sessions.QueuedBytes);
                Assert.InRange(sessions.Count, 1, 1000);
                int before = listener.SentCount;
                listener.Bring(known);
                Assert.Equal(before + 1, listener.SentCount);
            }
        }

        Assert.InRange(highest, reads ? 0 : MostBytes / 4, MostBytes);
        Assert.Equal((1000, 1000), (sessions.Count, sessions.Begun));
        Assert.InRange(sessions.Refused, Datagrams * 9 / 10, Datagrams);
        never.SetResult();
        await Eventually.Until(() => sessions.QueuedBytes == 0, "the handlers let go");
        Assert.Equal(0, sessions.QueuedBytes);
    }
}
