using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice.Sessions;

namespace Sluice.Tests.Sessions;

public sealed class SessionReaderTests : IDisposable
{
    private readonly DatagramSessions _sessions;
    private readonly FakeDatagrams _listener;
    private readonly Func<ConnectionContext> _session;

    public SessionReaderTests()
    {
        (ConnectionDelegate handler, _session, _) = SessionHandlers.Held();
        _sessions = new DatagramSessions(handler, new() { MaxQueuedDatagrams = 3, MaxQueuedBytes = 256 });
        _listener = new FakeDatagrams(_sessions);
    }

    private PipeReader Input => _session().Transport.Input;

    public void Dispose() => _sessions.Dispose();

    [Fact]
    public async Task A_read_gives_one_datagram()
    {
        Bring([1, 2], [3], [4, 5, 6]);
        Assert.Equal([1, 2], await Read());
        Assert.Equal([3], await Read());
        Assert.Equal([4, 5, 6], await Read());
        Assert.False(Input.TryRead(out _));
        Assert.Equal(0, _sessions.QueuedBytes);
    }

    [Fact]
    public async Task An_empty_datagram_is_an_empty_buffer_and_not_the_end()
    {
        Bring([], [1]);
        ReadResult read = await Input.ReadAsync();
        Assert.True(read is { Buffer.IsEmpty: true, IsCompleted: false, IsCanceled: false });
        Input.AdvanceTo(read.Buffer.Start);
        Assert.Equal([1], await Read());
    }

    [Fact]
    public async Task What_was_not_consumed_comes_again_alone()
    {
        Bring([1, 2, 3], [4]);
        ReadResult read = await Input.ReadAsync();
        Input.AdvanceTo(read.Buffer.GetPosition(1), read.Buffer.GetPosition(2));
        Assert.Equal([2, 3], await Read());
        Assert.Equal([4], await Read());
    }

    [Fact]
    public async Task What_was_examined_to_its_end_waits_for_the_next_datagram_and_comes_with_it()
    {
        Bring([1, 2, 3]);
        ReadResult read = await Input.ReadAsync();
        Input.AdvanceTo(read.Buffer.GetPosition(1), read.Buffer.End);
        Assert.False(Input.TryRead(out _));
        ValueTask<ReadResult> waits = Input.ReadAsync();
        Assert.False(waits.IsCompleted);
        Bring([4]);
        read = await waits;
        Assert.Equal([2, 3, 4], read.Buffer.ToArray());
        Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        Bring([], [5]);
        read = await Input.ReadAsync();
        Assert.Equal([2, 3, 4], read.Buffer.ToArray());
        Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        Assert.Equal([2, 3, 4, 5], await Read());
        Assert.Equal(0, _sessions.QueuedBytes);
    }

    [Fact]
    public async Task A_handler_that_examines_and_never_consumes_ends_its_session_and_takes_no_more_memory()
    {
        Bring([1]);
        ReadResult read = await Input.ReadAsync();
        for (int i = 0; !read.IsCompleted; i++)
        {
            Assert.InRange(i, 0, 10);
            Assert.InRange(_sessions.QueuedBytes, 1, 256);
            Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
            ValueTask<ReadResult> waits = Input.ReadAsync();
            Bring(new byte[50]);
            read = await waits;
        }

        Assert.Equal(CloseReason.UnreadLimit, _session().Features.Get<IConnectionCloseReason>()!.CloseReason);
        Assert.Equal(0, _sessions.QueuedBytes);
    }

    [Fact]
    public async Task What_is_more_than_may_be_unread_is_dropped_and_counted()
    {
        Bring([1], [2], [3], [4]);
        Assert.Equal(1, SessionHandlers.Of(_session()).DroppedIn);
        Assert.Equal([1], await Read());
        Bring(new byte[200]); // 2, 3 and this are 16 + 16 + 256
        Bring(new byte[100]);
        Assert.Equal((2, 2), (SessionHandlers.Of(_session()).DroppedIn, _sessions.Dropped));
        Assert.Equal(103, SessionHandlers.Of(_session()).BytesReceived);
        Assert.Equal([2], await Read());
        Assert.Equal([3], await Read());
        Assert.Equal(100, (await Read()).Length);
    }

    [Fact]
    public async Task A_read_can_be_cancelled_and_loses_nothing()
    {
        Bring([1]);
        Assert.Equal([1], await Read());
        ValueTask<ReadResult> waits = Input.ReadAsync();
        Input.CancelPendingRead();
        ReadResult read = await waits;
        await Task.Yield(); // out of the call that goes on with a handler
        Assert.True(read.IsCanceled);
        Bring([2]);
        Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);

        using var cancel = new CancellationTokenSource();
        Assert.Equal([2], await Read());
        waits = Input.ReadAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await waits);
        await Task.Yield();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Input.ReadAsync(cancel.Token));
        Bring([3]);
        Assert.Equal([3], await Read());
    }

    [Fact]
    public async Task Misuse_is_told()
    {
        Bring([1]);
        ReadResult read = await Input.ReadAsync();
        Assert.Throws<InvalidOperationException>(() => Input.TryRead(out _));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Input.ReadAsync());
        Assert.Throws<ArgumentOutOfRangeException>(() => Input.AdvanceTo(new SequencePosition(new byte[1], 0)));
        Input.AdvanceTo(read.Buffer.End);
        Assert.Throws<InvalidOperationException>(() => Input.AdvanceTo(read.Buffer.End));
        _ = Input.ReadAsync().AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Input.ReadAsync());
    }

    [Fact]
    public async Task A_completed_reader_drops_what_comes_and_the_session_still_sends()
    {
        Bring([1], [2]);
        ReadResult read = await Input.ReadAsync();
        await Input.CompleteAsync();
        Assert.Equal([1], read.Buffer.ToArray()); // lent, and still ours
        Bring([3]);
        Assert.Equal(2, _sessions.Dropped);
        Input.AdvanceTo(read.Buffer.End);
        Assert.Equal(0, _sessions.QueuedBytes);
        _session().Transport.Output.Write([7]);
        await _session().Transport.Output.FlushAsync();
        Assert.Equal([[7]], _listener.TakeSent());
    }

    [Fact]
    public async Task What_is_lent_stays_when_the_session_ends()
    {
        Bring([1, 2], [3]);
        ReadResult read = await Input.ReadAsync();
        _session().Abort();
        Assert.Equal([1, 2], read.Buffer.ToArray());
        Assert.Equal(16, _sessions.QueuedBytes);
        Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        Assert.Equal(0, _sessions.QueuedBytes);
        Assert.True((await Input.ReadAsync()).IsCompleted);
    }

    private void Bring(params byte[][] payloads)
    {
        foreach (byte[] payload in payloads)
        {
            _listener.Bring(1, payload);
        }
    }

    private async Task<byte[]> Read()
    {
        ReadResult read = await Input.ReadAsync();
        byte[] bytes = read.Buffer.ToArray();
        Input.AdvanceTo(read.Buffer.End);
        return bytes;
    }
}
