using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>What a handler does to itself it does to no other.</summary>
public sealed class DatagramHandlersFail
{
    private static readonly AsyncLocal<string?> Identity = new();

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task One_that_throws_costs_its_datagram_only(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        await using DatagramServer server = await cell.StartAsync(context => context.Payload.Span[0] switch
        {
            (byte)'s' => throw new InvalidDataException("at once"),
            (byte)'a' => ThrowLaterAsync(),
            (byte)'f' => ValueTask.FromException(new InvalidDataException("as a task")),
            _ => context.ReplyAsync(context.Payload),
        });
        using RawDatagramClient client = server.Connect();
        string[] failures = ["at once", "later", "as a task"];
        for (int i = 0; i < failures.Length; i++)
        {
            await client.SendAsync(new[] { "sync", "async", "faulted" }[i]);
            await Eventually.Until(() => server.Failed.Count == i + 1, "the failure was told");
            Assert.Equal((failures[i], client.EndPoint), (server.Failed.Last().Failure.Message, server.Failed.Last().RemoteEndPoint));
            Assert.Equal("x", await client.AskAsync("x"));
        }

        Assert.Equal(3, server.Failed.Count);
    });

    [Theory, MemberData(nameof(Matrix.UnixDatagramCells), MemberType = typeof(Matrix))]
    public Task One_that_fails_on_a_peer_whose_address_is_no_text_ends_nothing(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        EndPoint? remote = null;
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            remote = context.RemoteEndPoint;
            await context.ReplyAsync(context.Payload);
            await context.SendToAsync(context.Payload, remote!);
            if (context.Payload.Span[0] == 't')
            {
                throw new InvalidDataException("as it was told");
            }
        });

        // As long as an abstract name can be, and no byte of it is UTF-8.
        byte[] name = new byte[110];
        name.AsSpan().Fill(0xff);
        BitConverter.TryWriteBytes(name, (ushort)1);
        name[2] = 0;
        BitConverter.TryWriteBytes(name.AsSpan(3), Random.Shared.NextInt64() | -0x7f7f7f7f7f7f7f80); // and no two peers have it
        var address = new SocketAddress(AddressFamily.Unix, name.Length);
        name.CopyTo(address.Buffer.Span);
        using var peer = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        peer.Bind(new UnixDomainSocketEndPoint("/").Create(address));
        peer.Connect(RawDatagramClient.EndPointOf(server.Url));
        await peer.SendAsync("throw"u8.ToArray());
        byte[] received = new byte[100];
        for (int i = 0; i < 2; i++)
        {
            int count = await peer.ReceiveAsync(received.AsMemory()).AsTask().Within("the answer came");
            Assert.Equal("throw"u8.ToArray(), received[..count]);
        }

        await Eventually.Until(() => server.Failed.Count == 1, "the failure was told");
        Assert.Equal(peer.LocalEndPoint, remote);
        await server.AssertServesAsync();
    });

    [Theory, MemberData(nameof(Matrix.DatagramKindCells), MemberType = typeof(Matrix))]
    public Task Each_begins_in_the_context_of_whoever_started_the_server(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        const int Count = 60;
        var wrong = new ConcurrentQueue<string>();
        Identity.Value = "starter";
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            Check("starter");
            Identity.Value = "mine";
            return (context.Payload.Span[0] % 3) switch
            {
                0 => context.ReplyAsync(context.Payload), // no async method, whose context would end with it
                1 => AnswerLaterAsync(context),
                _ => throw new InvalidDataException("with the context as it is"),
            };
        }, options => options.Threads = 3); // threads are used again
        Identity.Value = "test";
        using RawDatagramClient client = server.Connect();
        for (int i = 0; i < Count; i++)
        {
            await client.SendAsync(new byte[] { (byte)i, 1 });
            if (i % 3 != 2)
            {
                Assert.Equal([(byte)i, 1], await client.ReceiveAsync());
            }
        }

        await Eventually.Until(() => server.Failed.Count == Count / 3, "those that throw have thrown");
        Assert.Empty(wrong);

        void Check(string expected)
        {
            if (Identity.Value != expected)
            {
                wrong.Enqueue($"{Identity.Value ?? "nothing"} where {expected} should be");
            }
        }

        async ValueTask AnswerLaterAsync(DatagramContext context)
        {
            await Task.Yield();
            Check("mine");
            await context.ReplyAsync(context.Payload);
        }
    });

    private static async ValueTask ThrowLaterAsync()
    {
        await Task.Yield();
        throw new InvalidDataException("later");
    }
}
