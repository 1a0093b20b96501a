using System.Buffers;
using System.IO.Pipelines;
using CsCheck;
using Microsoft.AspNetCore.Connections;
using Sluice.Connections;
using Sluice.Tests.Support;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Connections;

public sealed class PipeWriterTests
{
    private static readonly Gen<(int Kind, int Size, int Hint)[]> Steps = Gen.Select(
        Gen.Int[0, 4], Gen.OneOf(Gen.Int[0, 50], Gen.Int[0, 9000], Gen.Int[0, 150_000]), Gen.Int[0, 70_000]).Array[1, 40];

    public static TheoryData<PipeKind> Kinds => [PipeKind.Blocking, PipeKind.Async];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task However_bytes_are_written_they_arrive_in_order(PipeKind kind) =>
        await Steps.SampleAsync(steps => PlayAsync(kind, steps), iter: 100);

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_flush_waits_for_the_peer_and_then_everything_has_gone(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        byte[] sent = Payload.Make(500_000, seed: 3);
        Task flushing = Threaded(async () => await connection.Output.WriteAsync(sent));
        await Eventually.Until(() => connection.BytesSent >= 64 * 1024, "the way is full");
        Assert.False(flushing.IsCompleted);
        Task<byte[]> received = peer.DrainAsync();
        await flushing.Within("the flush");
        connection.Output.Complete();
        Assert.Equal(sent, await received.Within("the rest"));
        Assert.Equal(sent.Length, connection.BytesSent);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_flush_that_was_cancelled_keeps_what_it_did_not_send(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        byte[] sent = Payload.Make(200_000, seed: 4);
        Task<FlushResult> flushing = Threaded(async () => await connection.Output.WriteAsync(sent));
        await Eventually.Until(() => (connection.FlushTicket & 1) != 0 && connection.BytesSent >= 64 * 1024, "the flush waits");
        connection.Output.CancelPendingFlush();
        Assert.True((await flushing.Within("the cancelled flush")).IsCanceled);
        Assert.Equal(sent.Length - connection.BytesSent, connection.Output.UnflushedBytes);

        Task<byte[]> received = peer.DrainAsync();
        FlushResult next = await Threaded(async () => await connection.Output.FlushAsync()).Within("the next flush");
        Assert.False(next.IsCanceled);
        connection.Output.Complete();
        Assert.Equal(sent, await received.Within("everything, once"));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_token_ends_a_flush_that_waits_and_keeps_the_rest(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        byte[] sent = Payload.Make(200_000, seed: 5);
        using var source = new CancellationTokenSource();
        Task<FlushResult> flushing = Threaded(async () => await connection.Output.WriteAsync(sent, source.Token));
        await Eventually.Until(() => (connection.FlushTicket & 1) != 0 && connection.BytesSent >= 64 * 1024, "the flush waits");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => flushing.Within("the flush with a token"));

        Task<byte[]> received = peer.DrainAsync();
        connection.Output.Complete();
        Assert.Equal(sent, await received.Within("everything, once"));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_flush_to_a_peer_that_reset_throws(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        peer.Reset();
        await Assert.ThrowsAsync<ConnectionResetException>(() => connection.Output.WriteAsync(new byte[10]).AsTask());
        Assert.Equal(CloseReason.PeerReset, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_abort_wakes_a_flush_that_waits(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind);
        connection.Fill();
        Task<FlushResult> flushing = Threaded(async () => await connection.Output.WriteAsync(new byte[10]));
        await Eventually.Until(() => (connection.FlushTicket & 1) != 0, "the flush waits");
        connection.Abort();
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => flushing.Within("the aborted flush"));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Complete_sends_what_is_unsent_then_fin_and_reading_goes_on(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        connection.Output.Write("last words"u8);
        await connection.Output.CompleteAsync();
        Assert.Equal("last words"u8.ToArray(), await peer.DrainAsync().Within("the last words and FIN"));

        peer.SendAll("still here"u8);
        ReadResult result = await connection.Input.ReadAsync();
        Assert.Equal("still here"u8.ToArray(), result.Buffer.ToArray());
        await Assert.ThrowsAsync<InvalidOperationException>(() => connection.Output.WriteAsync(new byte[1]).AsTask());
        Assert.Throws<InvalidOperationException>(() => connection.Output.GetMemory());
        connection.Output.Complete();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Complete_with_an_exception_resets(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        connection.Output.Complete(new InvalidDataException("no"));
        Assert.Equal(CloseReason.Aborted, connection.CloseReason);
        Assert.Equal(Native.NativeError.ConnectionReset, peer.Receive(new byte[1], wait: false).Error);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Advance_takes_no_more_than_was_lent(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind);
        Assert.Throws<ArgumentOutOfRangeException>(() => connection.Output.Advance(1));
        int lent = connection.Output.GetMemory(10).Length;
        Assert.Throws<ArgumentOutOfRangeException>(() => connection.Output.Advance(lent + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => connection.Output.Advance(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => connection.Output.GetMemory(-1));
        connection.Output.Advance(lent);
        Assert.Equal(lent, connection.Output.UnflushedBytes);
    }

    private static async Task PlayAsync(PipeKind kind, (int Kind, int Size, int Hint)[] steps)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        PipeWriter output = connection.Output;
        Task<byte[]> received = peer.DrainAsync();
        var expected = new MemoryStream();
        long unflushed = 0;
        for (int i = 0; i < steps.Length; i++)
        {
            (int step, int size, int hint) = steps[i];
            byte[] bytes = Payload.Make(size, seed: i);
            switch (step)
            {
                case 0:
                    Memory<byte> memory = output.GetMemory(Math.Max(size, hint));
                    Assert.True(memory.Length >= Math.Max(Math.Max(size, hint), 1));
                    bytes.CopyTo(memory);
                    output.Advance(size);
                    unflushed += size;
                    break;
                case 1:
                    output.Write(bytes);
                    unflushed += size;
                    break;
                case 2:
                    output.GetSpan(hint); // lent and not used
                    bytes = [];
                    break;
                case 3:
                    Assert.False((await output.WriteAsync(bytes)).IsCompleted);
                    unflushed = 0;
                    break;
                default:
                    await output.FlushAsync();
                    unflushed = 0;
                    bytes = [];
                    break;
            }

            expected.Write(bytes);
            Assert.Equal(unflushed, output.UnflushedBytes);
        }

        await output.CompleteAsync();
        Assert.Equal(expected.ToArray(), await received.Within("everything"));
        Assert.Equal(expected.Length, connection.BytesSent);
    }

    private static Task<FlushResult> Threaded(Func<Task<FlushResult>> flush) =>
        Task.Factory.StartNew(flush, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
}
