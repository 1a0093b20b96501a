using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Sluice.Diagnostics;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Replies to peers that cannot be answered. The server lives, and answers the next one.</summary>
public sealed class DatagramPeersVanish
{
    [Theory, MemberData(nameof(Matrix.UnixDatagramCells), MemberType = typeof(Matrix))]
    public Task A_reply_to_a_peer_without_an_address_is_refused_by_id(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var seen = new ConcurrentQueue<(string? Refusal, EndPoint? Remote, int Size)>();
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            string? refusal = null;
            try
            {
                await context.ReplyAsync(context.Payload);
            }
            catch (SluiceException error)
            {
                refusal = error.Id;
            }

            seen.Enqueue((refusal, context.RemoteEndPoint, context.RemoteAddress.Size));
        });
        using (RawDatagramClient unnamed = RawDatagramClient.ConnectUnnamed(server.Url))
        {
            await unnamed.SendAsync("answer me");
            await Eventually.Until(() => !seen.IsEmpty, "the handler has ended");
            Assert.Equal((ErrorIds.NoPeerAddress, null, 0), Assert.Single(seen));
        }

        await server.AssertServesAsync();
        await Eventually.Until(() => seen.Count == 2, "the second handler has ended");
        Assert.Null(seen.Last().Refusal);
        Assert.Empty(server.Failed);
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task A_reply_to_a_peer_that_has_gone_harms_nobody(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            int replies = 1;
            if (context.Payload.Span.SequenceEqual("I will go"u8))
            {
                begun.SetResult();
                await gone.Task;
                replies = 3; // an ICMP error of the first would be told at a later one
            }

            for (int i = 0; i < replies; i++)
            {
                await context.ReplyAsync(context.Payload);
            }
        });
        using (RawDatagramClient client = server.Connect(file: true))
        {
            await client.SendAsync("I will go");
            await begun.Task.Within("the handler began");
        }

        gone.SetResult();
        for (int i = 0; i < 5; i++)
        {
            await server.AssertServesAsync();
        }

        Assert.Empty(server.Failed);
        Assert.Empty(server.ReceiveFailed);
        if (cell.IsUnix)
        {
            await Eventually.Until(() => server.NotSent.Count == 3, "three replies were not sent");
            Assert.All(server.NotSent, lost => Assert.Equal(NotSentReason.NoSuchPeer, lost.Reason));
            Assert.Equal(3, server.Server.Datagrams.NotSent);
        }
    });

    [Theory, MemberData(nameof(Matrix.UdpCells), MemberType = typeof(Matrix))]
    public Task Replies_to_closed_ports_harm_nobody(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        await using DatagramServer server = await cell.StartEchoAsync();
        for (int i = 0; i < 20; i++)
        {
            using RawDatagramClient client = server.Connect();
            await client.SendAsync("goodbye");
        }

        await Eventually.Until(() => server.Server.Datagrams.Received == 20, "all were received");
        await server.AssertServesAsync();
        Assert.Empty(server.Failed);
        Assert.Empty(server.ReceiveFailed);
    });

    [Theory, MemberData(nameof(Matrix.DatagramFileCells), MemberType = typeof(Matrix))]
    public Task A_path_that_is_somebody_elses_now_gets_the_reply_and_a_dead_one_does_not(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var steps = new SemaphoreSlim(0);
        var begun = new SemaphoreSlim(0);
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            begun.Release();
            await steps.WaitAsync();
            await context.ReplyAsync(context.Payload);
        });

        // Closed and its file left: nobody is bound to it any more.
        using RawDatagramClient client = server.Connect(file: true);
        await client.SendAsync("to a dead one");
        await begun.WaitAsync().Within("the handler began");
        string path = client.Path!;
        string kept = path + ".kept";
        File.Move(path, kept); // the runtime removes the file of a socket that it closes, if it is there
        client.Socket.Dispose();
        File.Move(kept, path);
        steps.Release();
        await Eventually.Until(() => server.NotSent.Count == 1, "the reply was not sent");
        Assert.Equal(NotSentReason.NoSuchPeer, server.NotSent.Single().Reason);
        Assert.Equal(path, server.NotSent.Single().RemoteEndPoint?.ToString());

        // Another one has bound the path meanwhile.
        using RawDatagramClient second = server.Connect(file: true);
        await second.SendAsync("to whoever has the path");
        await begun.WaitAsync().Within("the handler began");
        second.Socket.Dispose();
        File.Delete(second.Path!);
        using var heir = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        heir.Bind(new UnixDomainSocketEndPoint(second.Path!));
        steps.Release();
        byte[] received = new byte[100];
        int count = await heir.ReceiveAsync(received.AsMemory()).AsTask().Within("the heir got the reply");
        Assert.Equal("to whoever has the path"u8.ToArray(), received[..count]);

        steps.Release();
        await server.AssertServesAsync();
        Assert.Empty(server.Failed);
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task A_reply_that_is_too_long_is_refused_by_id_on_UDP_and_told_of_on_Unix(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        string? refusal = null;
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            try
            {
                await context.ReplyAsync(new byte[cell.IsUnix ? 10_000_000 : 65_508]);
            }
            catch (SluiceException error)
            {
                refusal = error.Id;
            }

            await context.ReplyAsync(new byte[65_507]);
        });
        using RawDatagramClient client = server.Connect();
        await client.SendAsync("much");
        Assert.Equal(65_507, (await client.ReceiveAsync()).Length);
        Assert.Equal(cell.IsUnix ? null : ErrorIds.DatagramTooLong, refusal);
        Assert.Equal(cell.IsUnix ? [NotSentReason.TooLong] : [], server.NotSent.Select(lost => lost.Reason));
        Assert.Empty(server.Failed);
    });
}
