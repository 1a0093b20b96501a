using System.Buffers.Binary;
using System.Runtime.InteropServices;
using CsCheck;
using Sluice.Connections;
using Sluice.Tests.Support;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Connections;

public sealed class OutboxTests
{
    public static TheoryData<PipeKind> Kinds => [PipeKind.Blocking, PipeKind.Async];

    [Fact]
    public void Messages_come_out_whole_in_order_and_never_more_than_fit() => Gen.Int[0, 40].Array[0, 60].Sample(steps =>
    {
        const int Maximum = 50;
        var outbox = new Outbox();
        var model = new Queue<byte>();
        byte next = 0;
        foreach (int step in steps)
        {
            if (step % 2 == 0)
            {
                byte[] message = [.. Enumerable.Range(0, step).Select(_ => next++)];
                bool fits = model.Count + message.Length <= Maximum;
                Assert.Equal(fits, outbox.TryEnqueue(message, Maximum));
                if (fits)
                {
                    Array.ForEach(message, model.Enqueue);
                }
                else
                {
                    next -= (byte)step;
                }
            }
            else if (outbox.TryPeek(out ReadOnlySpan<byte> rest, out _))
            {
                int count = Math.Min(step, rest.Length);
                foreach (byte one in rest[..count])
                {
                    Assert.Equal(model.Dequeue(), one);
                }

                outbox.Sent(count);
            }

            Assert.Equal(model.Count == 0, outbox.IsEmpty);
        }
    });

    [Fact]
    public void A_descriptor_goes_with_the_first_byte_of_its_message_and_is_held_until_then()
    {
        var outbox = new Outbox();
        var first = new TestHandle();
        var second = new TestHandle();
        Assert.True(outbox.TryEnqueue("one"u8, 100));
        outbox.Enqueue("two"u8, first);
        outbox.Enqueue("three"u8, second);
        first.Dispose();
        second.Dispose();
        Assert.True(first.IsOpen && second.IsOpen);

        Assert.True(outbox.TryPeek(out _, out SafeHandle? descriptor) && descriptor is null);
        outbox.Sent(3);
        Assert.True(outbox.TryPeek(out ReadOnlySpan<byte> rest, out descriptor) && rest.SequenceEqual("two"u8) && descriptor == first);
        outbox.Sent(1);
        Assert.False(first.IsOpen);
        Assert.True(outbox.TryPeek(out rest, out descriptor) && rest.SequenceEqual("wo"u8) && descriptor is null);
        Assert.True(second.IsOpen);
        outbox.Clear();
        Assert.False(second.IsOpen);
        outbox.Sent(1); // of one that was cleared while it was sent
        Assert.True(outbox.IsEmpty);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_full_queue_says_no_and_goes_on_when_the_peer_reads(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind, new ConnectionSettings { MaxSendQueue = 100 });
        int filled = connection.Fill();
        Assert.True(connection.TrySend(new byte[60]));
        Assert.False(connection.TrySend(new byte[60]));
        Assert.True(connection.TrySend(new byte[40]));
        Assert.False(connection.TrySend(new byte[1]));
        Assert.True(connection.TrySend([]));

        Task<byte[]> received = peer.DrainAsync();
        await Eventually.Until(() => !connection.HasOutbox, "the queue goes out by itself, without a flush");
        Assert.True(connection.TrySend(new byte[100]));
        connection.Output.Complete();
        Assert.Equal(filled + 200, (await received.Within("all of it")).Length);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_closed_connection_takes_nothing(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind, new ConnectionSettings { Linger = TimeSpan.Zero });
        await connection.DisposeAsync();
        Assert.False(connection.TrySend("x"u8));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void An_aborted_connection_takes_nothing(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket _) = Connected.Make(kind);
        connection.Abort();
        Assert.False(connection.TrySend("x"u8));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Messages_of_many_threads_never_mix_with_each_other_or_with_the_handlers(PipeKind kind)
    {
        const int Senders = 4;
        const int Each = 400;
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        Task<byte[]> received = peer.DrainAsync();
        using var together = new Barrier(Senders + 1);
        Task[] senders = [.. Enumerable.Range(1, Senders).Select(sender => Threaded(() =>
        {
            together.SignalAndWait();
            var spin = default(SpinWait);
            for (int i = 0; i < Each; i++)
            {
                while (!connection.TrySend(Message((byte)sender, i, 5 + (i % 700))))
                {
                    spin.SpinOnce();
                }
            }
        }))];
        Task handler = Threaded(() =>
        {
            together.SignalAndWait();
            for (int i = 0; i < Each; i++)
            {
                connection.Output.WriteAsync(Message(0, i, 5 + (i % 3000))).AsTask().Wait(Eventually.Deadline);
            }
        });
        await Task.WhenAll([.. senders, handler]).Within("sending");
        await connection.Output.CompleteAsync();

        byte[] all = await received.Within("everything");
        int[] next = new int[Senders + 1];
        for (int at = 0; at < all.Length;)
        {
            int sender = all[at];
            int number = BinaryPrimitives.ReadUInt16LittleEndian(all.AsSpan(at + 1));
            int length = BinaryPrimitives.ReadUInt16LittleEndian(all.AsSpan(at + 3));
            Assert.InRange(sender, 0, Senders);
            Assert.Equal(next[sender]++, number);
            Assert.True(all.AsSpan(at + 5, length - 5).IndexOfAnyExcept((byte)sender) < 0, "a message holds bytes of another");
            at += length;
        }

        Assert.All(next, count => Assert.Equal(Each, count));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_message_of_another_waits_for_a_flush_that_is_half_sent(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        byte[] own = new byte[200_000]; // more than the connection holds, so the flush waits half sent
        own.AsSpan().Fill((byte)'a');
        Task flush = Threaded(() => connection.Output.WriteAsync(own).AsTask().Wait(Eventually.Deadline));
        await Eventually.Until(() => connection.BytesSent > 0, "the flush to be half sent");
        Assert.True(connection.TrySend("bbbb"u8));

        Task<byte[]> received = peer.DrainAsync();
        await flush.Within("the flush");
        await connection.Output.CompleteAsync();

        byte[] all = await received.Within("everything");
        Assert.Equal(own.Length, all.AsSpan().IndexOf((byte)'b'));
        Assert.Equal(own.Length + 4, all.Length);
    }

    private static byte[] Message(byte sender, int number, int length)
    {
        byte[] message = new byte[length];
        message.AsSpan().Fill(sender);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(1), (ushort)number);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(3), (ushort)length);
        return message;
    }

    private static Task Threaded(Action body) => Task.Factory.StartNew(body, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private sealed class TestHandle() : SafeHandle(1, ownsHandle: true)
    {
        public bool IsOpen { get; private set; } = true;

        public override bool IsInvalid => false;

        protected override bool ReleaseHandle()
        {
            IsOpen = false;
            return true;
        }
    }
}
