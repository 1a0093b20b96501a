using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Diagnostics;
using Sluice.Tests.Support;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Accepting;

public sealed class ConnectionRunnerTests
{
    private static readonly AsyncLocal<string?> Identity = new();

    private readonly ServerEvents _events = new();
    private readonly ConnectionTable _table = new();
    private readonly ConnectionGate _gate = new(10, perSource: 1, OnLimit.Wait);
    private readonly List<ConnectionEnded> _ended = [];

    public ConnectionRunnerTests() => _events.ConnectionEnded += _ended.Add;

    public static TheoryData<PipeKind> Kinds => [PipeKind.Blocking, PipeKind.Async];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Whatever_a_handler_does_its_place_comes_back_and_its_end_is_told_once(PipeKind kind)
    {
        Task? none = null;
        (ConnectionDelegate Handler, CloseReason Reason, bool Failed)[] cases =
        [
            (_ => Task.CompletedTask, CloseReason.Completed, false),
            (_ => throw new InvalidDataException(), CloseReason.HandlerFailed, true),
            (_ => Task.FromException(new InvalidDataException()), CloseReason.HandlerFailed, true),
            (_ => Task.FromCanceled(new CancellationToken(canceled: true)), CloseReason.HandlerFailed, true),
            (async _ => { await Task.Yield(); throw new InvalidDataException(); }, CloseReason.HandlerFailed, true),
            (connection => { connection.Abort(); return Task.CompletedTask; }, CloseReason.Aborted, false),
            (connection => { connection.Abort(); throw new ConnectionAbortedException(); }, CloseReason.Aborted, false),
            (_ => none!, CloseReason.HandlerFailed, true),
        ];
        foreach ((ConnectionDelegate handler, CloseReason reason, bool failed) in cases)
        {
            _ended.Clear();
            await RunAsync(kind, handler);
            ConnectionEnded ended = Assert.Single(_ended);
            Assert.Equal((reason, failed), (ended.Reason, ended.Failure is not null));
            Assert.Equal((0, 0), (_gate.Taken, _table.Count));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_failed_handler_resets_and_one_that_returned_does_not(PipeKind kind)
    {
        InMemoryStreamSocket failed = await RunAsync(kind, _ => throw new InvalidDataException());
        Assert.Equal(Native.NativeError.ConnectionReset, failed.Receive(new byte[1], wait: false).Error);
        InMemoryStreamSocket returned = await RunAsync(kind, _ => Task.CompletedTask);
        Assert.Equal(0, returned.Receive(new byte[1], wait: false).Count);
        Assert.True(returned.Receive(new byte[1], wait: false).Succeeded);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_one_handler_leaves_in_an_AsyncLocal_the_next_does_not_see(PipeKind kind)
    {
        var seen = new List<string?>();
        ConnectionDelegate handler = async connection =>
        {
            seen.Add(Identity.Value);
            Identity.Value = connection.ConnectionId;
            await Task.Yield();
            seen.Add(Identity.Value == connection.ConnectionId ? "own" : "lost");
        };
        await RunAsync(kind, handler);
        await RunAsync(kind, handler);
        Assert.Equal([null, "own", null, "own"], seen);
        Assert.Null(Identity.Value);
    }

    private async Task<InMemoryStreamSocket> RunAsync(PipeKind kind, ConnectionDelegate handler)
    {
        var runner = new ConnectionRunner(handler, new ConnectionSettings(), _gate, _table, _events);
        var listener = new StubListener();
        (InMemoryStreamSocket server, InMemoryStreamSocket peer) = InMemoryStreamSocket.CreatePair(new InMemoryEndPoint("runner"));
        Assert.True(_gate.TryTake());
        Assert.True(_gate.TryCount(server));
        peer.Shutdown(SocketShutdown.Send);
        Task running = kind == PipeKind.Blocking
            ? Task.Factory.StartNew(() => runner.Run(listener, server), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            : Task.Run(() => runner.RunAsync(listener, server));
        await running.Within("the connection");
        return peer;
    }
}
