using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Sluice.Connections;
using Sluice.Tests.Support;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Connections;

public sealed class PipeReaderTests
{
    public static TheoryData<PipeKind> Kinds => [PipeKind.Blocking, PipeKind.Async];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Fin_completes_the_reader_again_and_again(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        peer.SendAll("bye"u8);
        peer.Shutdown(SocketShutdown.Send);
        ReadResult first = await ReadAsync(connection);
        connection.Input.AdvanceTo(first.Buffer.Start, first.Buffer.End);
        ReadResult last = await ReadAsync(connection);
        Assert.Equal("bye"u8.ToArray(), last.Buffer.ToArray());
        Assert.True(last.IsCompleted);
        connection.Input.AdvanceTo(last.Buffer.End);
        ReadResult again = await ReadAsync(connection);
        Assert.True(again.IsCompleted && again.Buffer.IsEmpty);
        connection.Input.AdvanceTo(again.Buffer.End);
        Assert.Equal(CloseReason.None, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_reset_with_nothing_unread_completes_the_reader_and_notes_the_reason(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        peer.Reset();
        ReadResult result = await ReadAsync(connection);
        Assert.True(result.IsCompleted);
        Assert.Equal(CloseReason.PeerReset, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_reset_with_unread_bytes_throws(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        peer.SendAll("half a fra"u8);
        ReadResult result = await ReadAsync(connection);
        connection.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        peer.Reset();
        await Assert.ThrowsAsync<ConnectionResetException>(() => ReadAsync(connection));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_position_of_another_buffer_is_refused_and_the_read_goes_on(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        peer.SendAll("hello"u8);
        ReadResult result = await ReadAsync(connection);
        var foreign = new ReadOnlySequence<byte>(new byte[5]);
        Assert.Throws<ArgumentOutOfRangeException>(() => connection.Input.AdvanceTo(foreign.End));
        Assert.Throws<ArgumentOutOfRangeException>(() => connection.Input.AdvanceTo(default));
        connection.Input.AdvanceTo(result.Buffer.GetPosition(2));
        Assert.Equal("llo"u8.ToArray(), (await ReadMoreAsync(connection, peer, "!")).Buffer.Slice(0, 3).ToArray());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Two_reads_at_once_are_refused(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        Assert.Throws<InvalidOperationException>(() => connection.Input.AdvanceTo(default));
        peer.SendAll("x"u8);
        ReadResult result = await ReadAsync(connection);
        await Assert.ThrowsAsync<InvalidOperationException>(() => ReadAsync(connection));
        Assert.Throws<InvalidOperationException>(() => connection.Input.TryRead(out _));
        connection.Input.AdvanceTo(result.Buffer.End);
        connection.Input.Complete();
        await Assert.ThrowsAsync<InvalidOperationException>(() => ReadAsync(connection));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Too_much_unread_ends_the_connection_by_id(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind, new ConnectionSettings { MaxUnread = 1000 });
        peer.SendAll(new byte[3000]);
        ReadResult result = await ReadAsync(connection);
        while (result.Buffer.Length < 1000)
        {
            connection.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            result = await ReadAsync(connection);
        }

        Assert.Equal(1000, result.Buffer.Length);
        connection.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        ConnectionAbortedException ended = await Assert.ThrowsAsync<ConnectionAbortedException>(() => ReadAsync(connection));
        Assert.StartsWith("SLU0201", ended.Message, StringComparison.Ordinal);
        Assert.Equal(CloseReason.UnreadLimit, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_receive_cut_short_by_the_limit_leaves_nothing_behind(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind, new ConnectionSettings { MaxUnread = 1000 });
        peer.SendAll(new byte[3500]);
        for (int left = 3500; left > 0;)
        {
            ReadResult result = await ReadAsync(connection);
            left -= (int)result.Buffer.Length;
            connection.Input.AdvanceTo(result.Buffer.End);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Exactly_the_limit_unread_is_allowed(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind, new ConnectionSettings { MaxUnread = 1000 });
        peer.SendAll(new byte[1000]);
        peer.Shutdown(SocketShutdown.Send);
        ReadResult result = await ReadAsync(connection);
        Assert.Equal(1000, result.Buffer.Length);
        connection.Input.AdvanceTo(result.Buffer.GetPosition(1), result.Buffer.End);
        result = await ReadAsync(connection);
        Assert.Equal(999, result.Buffer.Length);
        Assert.True(result.IsCompleted);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_read_that_was_cancelled_beforehand_returns_at_once_and_only_that_one(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        connection.Input.CancelPendingRead();
        ReadResult cancelled = await ReadAsync(connection);
        Assert.True(cancelled.IsCanceled && cancelled.Buffer.IsEmpty);
        connection.Input.AdvanceTo(cancelled.Buffer.End);

        peer.SendAll("x"u8);
        ReadResult next = await ReadAsync(connection);
        Assert.False(next.IsCanceled);
        connection.Input.AdvanceTo(next.Buffer.Start, next.Buffer.End);

        connection.Input.CancelPendingRead();
        Assert.True(connection.Input.TryRead(out ReadResult tried));
        Assert.True(tried.IsCanceled);
        Assert.Equal(1, tried.Buffer.Length);
        connection.Input.AdvanceTo(tried.Buffer.Start);
        Assert.True(connection.Input.TryRead(out ReadResult rest));
        Assert.False(rest.IsCanceled);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_read_that_waits_is_cancelled(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind);
        Task<ReadResult> reading = Threaded(() => ReadAsync(connection));
        await Eventually.Until(() => (connection.ReadTicket & 1) != 0, "the read waits");
        connection.Input.CancelPendingRead();
        ReadResult result = await reading.Within("the cancelled read");
        Assert.True(result.IsCanceled);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_token_ends_a_read_that_waits_and_nothing_is_lost(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        using var source = new CancellationTokenSource();
        Task<ReadResult> reading = Threaded(() => connection.Input.ReadAsync(source.Token).AsTask());
        await Eventually.Until(() => (connection.ReadTicket & 1) != 0, "the read waits");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.Within("the read with a token"));

        peer.SendAll("later"u8);
        Assert.Equal("later"u8.ToArray(), (await ReadAsync(connection)).Buffer.ToArray());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_cancelled_token_is_no_read(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connection.Input.ReadAsync(new CancellationToken(canceled: true)).AsTask());
        peer.SendAll("x"u8);
        Assert.Equal(1, (await ReadAsync(connection)).Buffer.Length);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_abort_wakes_a_read_that_waits(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind);
        Task<ReadResult> reading = Threaded(() => ReadAsync(connection));
        await Eventually.Until(() => (connection.ReadTicket & 1) != 0, "the read waits");
        connection.Abort();
        Assert.True((await reading.Within("the aborted read")).IsCompleted);
        Assert.Equal(CloseReason.Aborted, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_drain_completes_a_read_that_waits_with_nothing_in_flight(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind);
        Task<ReadResult> reading = Threaded(() => ReadAsync(connection));
        await Eventually.Until(() => (connection.ReadTicket & 1) != 0, "the read waits");
        connection.RequestDrain();
        Assert.True((await reading.Within("the drained read")).IsCompleted);
        Assert.Equal(CloseReason.Drained, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_drain_leaves_a_read_inside_a_unit_alone(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        ((IConnectionUnit)connection).BeginUnit();
        Task<ReadResult> reading = Threaded(() => ReadAsync(connection));
        await Eventually.Until(() => (connection.ReadTicket & 1) != 0, "the read waits");
        connection.RequestDrain();
        peer.SendAll("the rest of the unit"u8);
        ReadResult result = await reading.Within("the read inside the unit");
        Assert.Equal("the rest of the unit"u8.ToArray(), result.Buffer.ToArray());
        Assert.False(result.IsCompleted);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_is_lent_stays_the_handlers_until_it_advances(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        byte[] sent = Payload.Make(3000, seed: 1);
        peer.SendAll(sent);
        ReadResult result = await ReadAsync(connection);
        (GatedConnection other, InMemoryStreamSocket otherPeer) = Connected.Make(kind);
        for (int i = 0; i < 20; i++)
        {
            otherPeer.SendAll(new byte[3000]);
            ReadResult another = await ReadAsync(other);
            other.Input.AdvanceTo(another.Buffer.End);
        }

        await Task.Yield();
        Assert.Equal(sent, result.Buffer.ToArray());
    }

    private static Task<ReadResult> ReadAsync(GatedConnection connection) => connection.Input.ReadAsync().AsTask().Within("a read");

    private static async Task<ReadResult> ReadMoreAsync(GatedConnection connection, InMemoryStreamSocket peer, string more)
    {
        peer.SendAll(System.Text.Encoding.UTF8.GetBytes(more));
        return await ReadAsync(connection);
    }

    // On a thread of its own, because a blocking read keeps the one that calls it.
    private static Task<ReadResult> Threaded(Func<Task<ReadResult>> read) =>
        Task.Factory.StartNew(read, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
}
