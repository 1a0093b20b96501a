using System.Buffers.Binary;
using Microsoft.AspNetCore.Connections;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class SendsFromElsewhere
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Messages_of_many_threads_arrive_whole_and_in_order_while_the_handler_waits_in_a_read(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Threads = 4;
        const int Messages = 200;
        var connected = new TaskCompletionSource<ConnectionContext>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connected.SetResult(connection);
            await Handlers.DrainAsync(connection.Transport.Input);
        });
        await using RawClient client = await server.ConnectAsync();
        var sender = (await connected.Task.Within("a connection came")).Features.Get<IConnectionSender>()!;
        Task[] sending = [.. Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(() =>
        {
            byte[] message = new byte[200];
            for (int number = 0; number < Messages; number++)
            {
                message.AsSpan().Fill((byte)thread);
                BinaryPrimitives.WriteInt32LittleEndian(message, number);
                while (!sender.TrySend(message))
                {
                    Thread.Yield();
                }
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
        int[] next = new int[Threads];
        for (int i = 0; i < Threads * Messages; i++)
        {
            byte[] message = await client.ReceiveExactlyAsync(200);
            byte thread = message[^1];
            Assert.All(message.AsSpan(4).ToArray(), value => Assert.Equal(thread, value));
            Assert.Equal(next[thread]++, BinaryPrimitives.ReadInt32LittleEndian(message));
        }

        await Task.WhenAll(sending).Within("all was queued");
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_full_queue_says_false_and_what_was_queued_arrives_once_the_peer_reads(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var connected = new TaskCompletionSource<ConnectionContext>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connected.SetResult(connection);
            await Handlers.DrainAsync(connection.Transport.Input);
        }, options => options.Limits.MaxSendQueue = 100_000);
        await using RawClient client = await server.ConnectAsync();
        ConnectionContext connection = await connected.Task.Within("a connection came");
        var sender = connection.Features.Get<IConnectionSender>()!;
        byte[] message = new byte[1000];
        int queued = 0;
        while (sender.TrySend(message))
        {
            Assert.True(++queued < 100_000, "the queue has no bound");
        }

        Assert.True(queued >= 100);
        await client.ReceiveExactlyAsync(queued * message.Length);
        Assert.True(sender.TrySend(message), "there is room again");
        await client.ReceiveExactlyAsync(message.Length);
        await client.DisposeAsync();
        await server.EndedAsync();
        Assert.False(sender.TrySend(message), "the connection has ended");
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Messages_go_between_the_handlers_own_flushes_and_never_into_them(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Frame = 5000;
        const int Frames = 300;
        var connected = new TaskCompletionSource<ConnectionContext>();
        var over = new TaskCompletionSource();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connected.SetResult(connection);
            byte[] own = new byte[Frame];
            for (int i = 0; i < Frames; i++)
            {
                await connection.Transport.Output.WriteAsync(own);
            }

            await over.Task;
        });
        await using RawClient client = await server.ConnectAsync();
        var sender = (await connected.Task.Within("a connection came")).Features.Get<IConnectionSender>()!;
        Task sending = Task.Factory.StartNew(() =>
        {
            byte[] other = new byte[Frame];
            other.AsSpan().Fill(1);
            for (int i = 0; i < Frames; i++)
            {
                while (!sender.TrySend(other))
                {
                    Thread.Yield();
                }
            }
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        int others = 0;
        for (int i = 0; i < 2 * Frames; i++)
        {
            byte[] frame = await client.ReceiveExactlyAsync(Frame);
            Assert.True(frame.AsSpan().IndexOfAnyExcept(frame[0]) < 0, "a message went into a flush");
            others += frame[0];
        }

        Assert.Equal(Frames, others);
        await sending.Within("all was queued");
        over.SetResult();
    });

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task Many_small_messages_to_a_peer_that_reads_late_arrive_whole_and_in_order(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Size = 1000;
        var connected = new TaskCompletionSource<ConnectionContext>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connected.SetResult(connection);
            await Handlers.DrainAsync(connection.Transport.Input);
        }, options => options.Limits.MaxSendQueue = 1_000_000);
        await using RawClient client = await server.ConnectAsync();
        var sender = (await connected.Task.Within("a connection came")).Features.Get<IConnectionSender>()!;
        int queued = 0;
        while (TrySendNumbered(sender, queued, Size)) // until the socket and the queue are full
        {
            queued++;
        }

        Assert.InRange(queued, 1_000_000 / Size, 100_000);
        await ReceiveNumberedAsync(client, queued, Size);
    });

    [Theory, MemberData(nameof(Matrix.WaitingCells), MemberType = typeof(Matrix))]
    public Task Messages_to_many_peers_in_turn_arrive_whole_and_in_order_whoever_reads_late(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Peers = 3;
        const int Rounds = 5000;
        const int Size = 1000;
        var senders = new List<IConnectionSender>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            bool isFirst;
            lock (senders)
            {
                isFirst = senders.Count == 0;
                senders.Add(connection.Features.Get<IConnectionSender>()!);
            }

            var input = connection.Transport.Input;
            if (!isFirst)
            {
                await Handlers.DrainAsync(input);
                return;
            }

            // The first of them talks to all, on a loop and between two awaits, so that their messages meet in one turn.
            await Handlers.ReadExactlyAsync(input, 1);
            IConnectionSender[] all;
            lock (senders)
            {
                all = [.. senders];
            }

            int[] sent = new int[Peers];
            while (sent.Min() < Rounds)
            {
                foreach ((int peer, IConnectionSender sender) in all.Index())
                {
                    for (int i = 0; i < 2 && sent[peer] < Rounds && TrySendNumbered(sender, sent[peer], Size); i++)
                    {
                        sent[peer]++;
                    }
                }

                await Task.Yield();
            }

            await Handlers.DrainAsync(input);
        }, options =>
        {
            options.Loops = cell.IsLoop ? 1 : null;
            options.Limits.MaxSendQueue = 100_000;
        });
        RawClient[] clients = new RawClient[Peers];
        for (int i = 0; i < Peers; i++)
        {
            clients[i] = await server.ConnectAsync();
            await Eventually.Until(() => senders.Count == i + 1, "its handler runs");
        }

        await clients[0].SendAsync(new byte[1]);
        await Task.WhenAll(clients.Select(client => ReceiveNumberedAsync(client, Rounds, Size)));
        foreach (RawClient client in clients)
        {
            await client.DisposeAsync();
        }
    });

    private static bool TrySendNumbered(IConnectionSender sender, int number, int size)
    {
        byte[] message = new byte[size];
        message.AsSpan().Fill((byte)number);
        BinaryPrimitives.WriteInt32LittleEndian(message, number);
        return sender.TrySend(message);
    }

    private static async Task ReceiveNumberedAsync(RawClient client, int count, int size)
    {
        for (int number = 0; number < count; number++)
        {
            byte[] message = await client.ReceiveExactlyAsync(size);
            Assert.Equal(number, BinaryPrimitives.ReadInt32LittleEndian(message));
            Assert.True(message.AsSpan(4).IndexOfAnyExcept((byte)number) < 0, "a message went into another");
        }
    }
}
