using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Features;
using Sluice.Connections;
using Sluice.Tests.Support;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Connections;

public sealed class FeatureTests
{
    public static TheoryData<PipeKind> Kinds => [PipeKind.Blocking, PipeKind.Async];

    [Theory]
    [InlineData(PipeKind.Blocking, 800)]
    [InlineData(PipeKind.Async, 800)]
    public void A_connection_of_which_nobody_asks_anything_is_small(PipeKind kind, int mostBytes)
    {
        const int Count = 200;
        var settings = new ConnectionSettings();
        (InMemoryStreamSocket Server, InMemoryStreamSocket Client)[] pairs =
            [.. Enumerable.Range(0, Count + 1).Select(_ => InMemoryStreamSocket.CreatePair(new InMemoryEndPoint("lean")))];
        var kept = new List<GatedConnection>(Count + 1) { Make(kind, pairs[Count].Server, settings) };
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Count; i++)
        {
            kept.Add(Make(kind, pairs[i].Server, settings));
        }

        long each = (GC.GetAllocatedBytesForCurrentThread() - before) / Count;
        Assert.InRange(each, 1, mostBytes);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Asking_for_a_feature_of_its_own_allocates_nothing(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind);
        Ask(connection);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Ask(connection);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        static void Ask(GatedConnection connection)
        {
            Assert.Same(connection, connection.Features.Get<IConnectionSender>());
            Assert.Same(connection, connection.Features.Get<IConnectionUnit>());
            Assert.Same(connection, connection.Features.Get<IConnectionCloseReason>());
            Assert.Same(connection, connection.Features.Get<IConnectionLifetimeFeature>());
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void One_request_and_its_reply_allocate_nothing(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        byte[] request = new byte[100];
        byte[] reply = new byte[100];
        for (int i = 0; i < 50; i++)
        {
            EchoOnce();
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            EchoOnce();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void EchoOnce()
        {
            peer.Send(request, wait: false);
            ValueTask<ReadResult> read = connection.Input.ReadAsync();
            ReadResult result = read.GetAwaiter().GetResult();
            ValueTask<FlushResult> flush = connection.Output.WriteAsync(result.Buffer.First);
            flush.GetAwaiter().GetResult();
            connection.Input.AdvanceTo(result.Buffer.End);
            peer.Receive(reply, wait: false);
        }
    }

    [Fact]
    public void Ids_differ_and_can_be_set()
    {
        GatedConnection one = Connected.Make(PipeKind.Blocking).Connection;
        GatedConnection other = Connected.Make(PipeKind.Async).Connection;
        Assert.NotEqual(one.ConnectionId, other.ConnectionId, StringComparer.Ordinal);
        Assert.Equal(one.ConnectionId, one.Features.Get<IConnectionIdFeature>()!.ConnectionId);
        one.ConnectionId = "mine";
        Assert.Equal("mine", one.ConnectionId);
    }

    [Fact]
    public void A_feature_that_was_set_replaces_its_own_and_can_be_taken_back()
    {
        GatedConnection connection = Connected.Make(PipeKind.Blocking).Connection;
        var other = new OtherSender();
        int revision = connection.Features.Revision;
        connection.Features.Set<IConnectionSender>(other);
        Assert.Same(other, connection.Features.Get<IConnectionSender>());
        Assert.NotEqual(revision, connection.Features.Revision);
        Assert.Single(connection.Features, pair => pair.Key == typeof(IConnectionSender));
        connection.Features.Set<IConnectionSender>(null);
        Assert.DoesNotContain(connection.Features, pair => pair.Key == typeof(IConnectionSender));
        Assert.Null(connection.Features.Get<IDisposable>());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task ConnectionClosed_fires_at_the_end_whether_it_was_asked_for_before_or_after(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind, new ConnectionSettings { Linger = TimeSpan.Zero });
        CancellationToken before = connection.ConnectionClosed;
        Assert.False(before.IsCancellationRequested);
        await connection.DisposeAsync();
        await Eventually.Until(() => before.IsCancellationRequested, "ConnectionClosed");
        Assert.True(connection.ConnectionClosed.IsCancellationRequested);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_drain_asks_by_its_token(PipeKind kind)
    {
        GatedConnection connection = Connected.Make(kind).Connection;
        var lifetime = connection.Features.Get<IConnectionLifetimeNotificationFeature>()!;
        CancellationToken asked = lifetime.ConnectionClosedRequested;
        Assert.False(asked.IsCancellationRequested);
        lifetime.RequestClose();
        await Eventually.Until(() => asked.IsCancellationRequested, "ConnectionClosedRequested");
        Assert.Equal(CloseReason.None, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_first_reason_stays(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind);
        Assert.True(connection.End(CloseReason.IdleTimeout));
        Assert.False(connection.End(CloseReason.Lifetime));
        connection.Abort();
        await connection.DisposeAsync();
        Assert.Equal(CloseReason.IdleTimeout, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Disposing_twice_is_disposing_once(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind, new ConnectionSettings { Linger = TimeSpan.Zero });
        await connection.Output.WriteAsync("bye"u8.ToArray());
        await connection.DisposeAsync();
        await connection.DisposeAsync();
        Assert.Equal(CloseReason.Completed, connection.CloseReason);
        Assert.Equal("bye"u8.ToArray(), await peer.DrainAsync().Within("the last words"));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task The_end_waits_for_the_peers_fin_so_that_a_late_byte_resets_nothing(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind, new ConnectionSettings { Linger = Eventually.Deadline });
        await connection.Output.WriteAsync("last reply"u8.ToArray());
        Task ending = Task.Factory.StartNew(async () => await connection.DisposeAsync(), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
        byte[] reply = new byte[10];
        await Eventually.Until(() => peer.Receive(reply, wait: false) is { Succeeded: true, Count: 10 }, "the last reply");
        await Eventually.Until(() => peer.Receive(reply, wait: false) is { Succeeded: true, Count: 0 }, "FIN");
        peer.SendAll(new byte[5000]);
        Assert.False(ending.IsCompleted);
        peer.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await ending.Within("the lingering end");
        Assert.Equal(0, peer.Receive(reply, wait: false).Count);
    }

    private static GatedConnection Make(PipeKind kind, InMemoryStreamSocket socket, ConnectionSettings settings) => kind == PipeKind.Blocking
        ? new BlockingConnection(socket, settings)
        : AsyncConnection.TryCreate(socket, settings, out AsyncConnection? connection) ? connection : throw new InvalidOperationException();

    private sealed class OtherSender : IConnectionSender
    {
        public bool TrySend(ReadOnlySpan<byte> message) => false;
    }
}
