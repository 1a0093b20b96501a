using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

public sealed class DatagramSessionsTests
{
    [Fact]
    public void Each_peer_has_a_session_of_its_own()
    {
        var seen = new List<string>();
        using var sessions = new DatagramSessions(async session =>
        {
            for (int number = 1; ; number++)
            {
                ReadResult read = await session.Transport.Input.ReadAsync();
                if (read.IsCompleted)
                {
                    return;
                }

                seen.Add($"{session.RemoteEndPoint} {number}: {read.Buffer.FirstSpan[0]}");
                session.Transport.Input.AdvanceTo(read.Buffer.End);
            }
        });
        var listener = new FakeDatagrams(sessions);
        listener.Bring(1, 11);
        listener.Bring(2, 21);
        listener.Bring(1, 12);
        Assert.Equal(["10.0.0.1:5000 1: 11", "10.0.0.2:5000 1: 21", "10.0.0.1:5000 2: 12"], seen);
        Assert.Equal((2, 2), (sessions.Count, sessions.Begun));
    }

    [Fact]
    public void The_address_of_a_session_is_its_own_when_the_datagram_serves_another()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo);
        var listener = new FakeDatagrams(sessions);
        var datagram = new FakeDatagram(listener, FakeDatagrams.Peer(1)) { Bytes = new byte[] { 1 } };
        listener.Bring(datagram);
        FakeDatagrams.Peer(2).Buffer.CopyTo(datagram.RemoteAddress.Buffer);
        listener.Bring(datagram);
        listener.Bring(new FakeDatagram(listener, FakeDatagrams.Peer(1)) { Bytes = new byte[] { 3 } });
        Assert.Equal([FakeDatagrams.Peer(1), FakeDatagrams.Peer(2), FakeDatagrams.Peer(1)], listener.Sent.Select(one => one.Peer));
        Assert.Equal(2, sessions.Count);
    }

    [Fact]
    public void Two_listeners_share_no_session()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo);
        var one = new FakeDatagrams(sessions);
        var other = new FakeDatagrams(sessions);
        one.Bring(1, 1);
        other.Bring(1, 2);
        Assert.Equal(2, sessions.Count);
        Assert.Equal([[1]], one.TakeSent());
        Assert.Equal([[2]], other.TakeSent());
    }

    [Fact]
    public async Task A_session_is_a_connection_context()
    {
        (ConnectionDelegate handler, Func<ConnectionContext> session, _) = SessionHandlers.Held();
        using DatagramSessions sessions = handler.AsDatagramHandler();
        await new FakeDatagrams(sessions).BringAsync(7, 1);
        ConnectionContext context = session();
        Assert.Equal(new IPEndPoint(IPAddress.Parse("10.0.0.7"), 5000), context.RemoteEndPoint);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 9000), context.LocalEndPoint);
        Assert.StartsWith("d", context.ConnectionId);
        context.Items["key"] = 1;
        Assert.Equal(1, context.Features.Get<IConnectionItemsFeature>()!.Items["key"]);
        Assert.Equal(FakeDatagrams.Peer(7), SessionHandlers.Of(context).Peer);
        context.Features.Set<IServiceProvider>(null);
        Assert.Null(context.Features.Get<IServiceProvider>());
        Assert.Contains(context.Features, feature => feature.Key == typeof(IConnectionLifetimeFeature));
        CancellationToken closed = context.ConnectionClosed;
        context.Abort();
        await Eventually.Until(() => closed.IsCancellationRequested, "the session tells of its end");
        Assert.Equal(CloseReason.Aborted, context.Features.Get<IConnectionCloseReason>()!.CloseReason);
        Assert.True((await context.Transport.Input.ReadAsync()).IsCompleted);
        context.Transport.Output.Write([1]);
        await Assert.ThrowsAsync<ConnectionAbortedException>(async () => await context.Transport.Output.FlushAsync());
    }

    [Fact]
    public async Task What_was_written_since_the_last_flush_is_one_datagram()
    {
        (ConnectionDelegate handler, Func<ConnectionContext> session, _) = SessionHandlers.Held();
        using var sessions = new DatagramSessions(handler);
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, 1);
        PipeWriter output = session().Transport.Output;
        await output.FlushAsync();
        Assert.Empty(listener.TakeSent());
        output.Write([1, 2]);
        output.Write(new byte[5000]);
        Assert.Equal(5002, output.UnflushedBytes);
        await output.FlushAsync();
        output.Write([3]);
        await output.FlushAsync();
        Assert.Equal([5002, 1], listener.TakeSent().Select(one => one.Length));
        Assert.True(SessionHandlers.Of(session()).TrySendEmpty());
        Assert.Equal([[]], listener.TakeSent());
        Assert.True(session().Features.Get<IConnectionSender>()!.TrySend([9]));
        Assert.Equal([[9]], listener.TakeSent());
        Assert.Equal(5004, SessionHandlers.Of(session()).BytesSent);
    }

    [Fact]
    public async Task More_than_a_datagram_can_have_is_not_sent()
    {
        (ConnectionDelegate handler, Func<ConnectionContext> session, _) = SessionHandlers.Held();
        using var sessions = new DatagramSessions(handler);
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, 1);
        PipeWriter output = session().Transport.Output;
        output.Write(new byte[65_507]);
        await output.FlushAsync();
        output.Write(new byte[65_508]);
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(async () => await output.FlushAsync());
        Assert.Equal(ErrorIds.DatagramTooLong, error.Id);
        output.Write([5]);
        await output.FlushAsync();
        Assert.Equal([65_507, 1], listener.TakeSent().Select(one => one.Length));
    }

    [Fact]
    public async Task What_the_system_does_not_take_is_counted_and_the_flush_completes()
    {
        (ConnectionDelegate handler, Func<ConnectionContext> session, _) = SessionHandlers.Held();
        using var sessions = new DatagramSessions(handler);
        var listener = new FakeDatagrams(sessions) { Takes = false };
        await listener.BringAsync(1, 1);
        session().Transport.Output.Write([1]);
        Assert.False((await session().Transport.Output.FlushAsync()).IsCompleted);
        Assert.False(SessionHandlers.Of(session()).TrySendEmpty());
        Assert.Equal((2, 0), (SessionHandlers.Of(session()).NotSent, SessionHandlers.Of(session()).BytesSent));
        Assert.Equal(2, sessions.NotSent);
    }

    [Fact]
    public void When_the_handler_returns_what_it_wrote_is_sent_and_the_next_datagram_begins_another()
    {
        int begun = 0;
        using var sessions = new DatagramSessions(session =>
        {
            session.Transport.Output.Write([(byte)++begun]);
            return Task.CompletedTask;
        });
        var listener = new FakeDatagrams(sessions);
        listener.Bring(1, 1);
        Assert.Equal(0, sessions.Count);
        listener.Bring(1, 1);
        Assert.Equal([[1], [2]], listener.TakeSent());
        Assert.Equal((0, 2, 0), (sessions.Count, sessions.Begun, sessions.QueuedBytes));
        Assert.Equal(2, sessions.Dropped); // the handlers did not read
    }

    [Fact]
    public async Task Completing_the_output_sends_the_rest_and_ends_the_session()
    {
        bool completed = false;
        using var sessions = new DatagramSessions(async session =>
        {
            ReadResult read = await session.Transport.Input.ReadAsync();
            session.Transport.Input.AdvanceTo(read.Buffer.End);
            session.Transport.Output.Write([8]);
            session.Transport.Output.Complete();
            completed = (await session.Transport.Input.ReadAsync()).IsCompleted;
        });
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, 1);
        Assert.True(completed);
        Assert.Equal([[8]], listener.TakeSent());
        Assert.Equal(0, sessions.Count);
    }

    [Fact]
    public async Task What_a_handler_throws_ends_its_session_and_is_told_by_the_event()
    {
        Exception? told = null;
        using var sessions = new DatagramSessions(async session =>
        {
            ReadResult read = await session.Transport.Input.ReadAsync();
            if (read.Buffer.FirstSpan[0] == 1)
            {
                session.Transport.Input.AdvanceTo(read.Buffer.End);
                await session.Transport.Input.ReadAsync();
            }

            session.Transport.Output.Write([1]);
            throw new InvalidDataException("bad");
        });
        sessions.HandlerFailed += (_, failure) => told = failure;
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, 1);
        await listener.BringAsync(2, 1);
        await listener.BringAsync(1, 2);
        Assert.IsType<InvalidDataException>(told);
        await listener.BringAsync(3, 9);
        Assert.Equal((1, 2), (sessions.Count, sessions.Failures));
        Assert.Empty(listener.Sent);
        Assert.Equal(0, sessions.QueuedBytes);
    }

    [Fact]
    public async Task The_end_of_the_drain_ends_the_sessions()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo);
        using var stop = new CancellationTokenSource();
        var listener = new FakeDatagrams(sessions) { Stopping = stop.Token };
        await listener.BringAsync(1, 1);
        await listener.BringAsync(2, 1);
        await stop.CancelAsync();
        await Eventually.Until(() => sessions.Count == 0, "all sessions end");
        await listener.BringAsync(3, 1);
        Assert.Equal((0, 1), (sessions.Count, sessions.Refused));
    }

    [Fact]
    public async Task Disposed_sessions_end_and_no_other_begins()
    {
        var sessions = new DatagramSessions(SessionHandlers.Echo);
        var listener = new FakeDatagrams(sessions);
        await listener.BringAsync(1, 1);
        sessions.Dispose();
        await Eventually.Until(() => sessions.Count == 0, "all sessions end");
        await listener.BringAsync(1, 1);
        Assert.Equal((0, 1), (sessions.Count, sessions.Refused));
        sessions.Dispose();
    }

    [Fact]
    public void A_peer_without_an_address_has_no_session_and_a_cut_datagram_is_dropped()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo);
        var listener = new FakeDatagrams(sessions);
        listener.Bring(new FakeDatagram(listener, new SocketAddress(AddressFamily.Unix, 2) { Size = 0 }));
        listener.Bring(new FakeDatagram(listener, FakeDatagrams.Peer(1)) { IsCut = true });
        Assert.Equal((0, 1, 1), (sessions.Count, sessions.Refused, sessions.Dropped));
    }

    [Fact]
    public void Sessions_are_of_one_process() => Assert.True(Attribute.IsDefined(typeof(DatagramSessions), typeof(SharesStateAttribute)));

    [Fact]
    public void Any_kind_of_connection_handler_will_do()
    {
        using DatagramSessions ofFunction = new Func<ConnectionContext, Task>(SessionHandlers.Echo).AsDatagramHandler();
        using DatagramSessions ofHandler = new EchoHandler().AsDatagramHandler();
        foreach (DatagramSessions sessions in new[] { ofFunction, ofHandler })
        {
            var listener = new FakeDatagrams(sessions);
            listener.Bring(1, 4);
            Assert.Equal([[4]], listener.TakeSent());
        }
    }

    [Theory]
    [InlineData(0, 1, 1, 1)]
    [InlineData(1, 0, 1, 1)]
    [InlineData(1, 1, 0, 1)]
    [InlineData(1, 1, 1, 0)]
    public void An_option_out_of_its_range_is_refused(int idle, int most, int datagrams, int bytes)
    {
        var options = new DatagramSessionOptions { IdleTimeout = TimeSpan.FromSeconds(idle), MaxSessions = most, MaxQueuedDatagrams = datagrams, MaxQueuedBytes = bytes };
        Assert.Equal(ErrorIds.OptionOutOfRange, Assert.Throws<SluiceException>(() => new DatagramSessions(SessionHandlers.Echo, options)).Id);
    }

    [Fact]
    public void A_datagram_of_a_known_peer_allocates_nothing()
    {
        using var sessions = new DatagramSessions(SessionHandlers.Echo);
        var listener = new FakeDatagrams(sessions) { Keeps = false };
        FakeDatagram[] datagrams = [.. Enumerable.Range(0, 50).Select(peer => new FakeDatagram(listener, FakeDatagrams.Peer(peer)) { Bytes = new byte[100] })];
        long least = long.MaxValue; // code that is not optimized yet boxes here and there
        for (int round = 0; round < 200; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            foreach (FakeDatagram datagram in datagrams)
            {
                listener.Bring(datagram);
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal((10_000, 0), (listener.SentCount, least));
    }

    private sealed class EchoHandler : ConnectionHandler
    {
        public override Task OnConnectedAsync(ConnectionContext connection) => SessionHandlers.Echo(connection);
    }
}
