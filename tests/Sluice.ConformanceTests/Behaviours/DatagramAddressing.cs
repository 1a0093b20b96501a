using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Who sent it, where to, and from where an answer comes.</summary>
public sealed class DatagramAddressing
{
    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task The_handler_is_told_who_sent_a_datagram_and_where_to(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var seen = new ConcurrentQueue<(EndPoint? Remote, SocketAddress Address, EndPoint Local)>();
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            seen.Enqueue((context.RemoteEndPoint, Copy(context.RemoteAddress), context.LocalEndPoint));
            return context.ReplyAsync(context.Payload);
        });
        for (int i = 0; i < 3; i++)
        {
            using RawDatagramClient client = server.Connect(file: i == 1);
            await client.AskAsync("hello");
            Assert.True(seen.TryDequeue(out (EndPoint? Remote, SocketAddress Address, EndPoint Local) call));
            Assert.Equal(client.EndPoint, call.Remote);
            Assert.Equal(client.EndPoint, client.EndPoint.Create(call.Address));
            Assert.Equal(RawDatagramClient.EndPointOf(server.Url), call.Local);
        }
    });

    [Theory, MemberData(nameof(Matrix.UdpCells), MemberType = typeof(Matrix))]
    public Task A_server_of_every_address_answers_from_the_one_that_was_sent_to(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var seen = new ConcurrentQueue<(EndPoint? Remote, EndPoint Local)>();
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            seen.Enqueue((context.RemoteEndPoint, context.LocalEndPoint));
            await context.ReplyAsync(context.Payload);
            await Task.Yield();
            await context.ReplyAsync("late"u8.ToArray()); // not with the batch
        }, options => options.Listen.Add(cell.IsSix ? "udp://[::]:0" : "udp://0.0.0.0:0"));
        int port = server.Url.Port;
        string[] addresses = cell.IsSix ? ["127.0.0.5", "127.0.0.1", "127.8.9.10", "::1"] : ["127.0.0.5", "127.0.0.1", "127.8.9.10"];
        foreach (string text in addresses)
        {
            // A connected socket takes nothing from any other address.
            var address = IPAddress.Parse(text);
            using RawDatagramClient client = RawDatagramClient.Connect(new IPEndPoint(address, port));
            Assert.Equal(text, await client.AskAsync(text));
            Assert.Equal("late", await client.ReceiveTextAsync());
            Assert.True(seen.TryDequeue(out (EndPoint? Remote, EndPoint Local) call));
            Assert.Equal(new IPEndPoint(address, port), call.Local);
            Assert.Equal(client.EndPoint, call.Remote); // an IPv4 peer as IPv4, even at [::]
        }
    });

    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task A_datagram_to_the_broadcast_address_is_answered_from_one_of_the_machines_own(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        EndPoint? local = null;
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            local = context.LocalEndPoint;
            return context.ReplyAsync(context.Payload);
        }, options => options.Listen.Add("udp://0.0.0.0:0"));
        using RawDatagramClient client = RawDatagramClient.Open(unix: false, six: false);
        client.Socket.EnableBroadcast = true;
        var everybody = new IPEndPoint(IPAddress.Parse("127.255.255.255"), server.Url.Port);
        await client.Socket.SendToAsync("anyone?"u8.ToArray(), everybody);
        Assert.Equal("anyone?", await client.ReceiveTextAsync());
        Assert.Equal(everybody, local);
        Assert.Empty(server.NotSent);
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task One_datagram_may_have_several_answers_and_others_may_be_sent_to(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        using RawDatagramClient third = RawDatagramClient.Open(cell.IsUnix, cell.IsSix);
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            await context.ReplyAsync("one"u8.ToArray());
            await context.SendToAsync(context.Payload, third.EndPoint);
            await context.ReplyAsync(context.Payload[1..3]);
            await context.SendToAsync("bye"u8.ToArray(), third.EndPoint.Serialize());
            await context.ReplyAsync(ReadOnlyMemory<byte>.Empty);
        });
        using RawDatagramClient client = server.Connect();
        Assert.Equal("one", await client.AskAsync("payload"));
        Assert.Equal("ay", await client.ReceiveTextAsync());
        Assert.Empty(await client.ReceiveAsync());
        Assert.Equal("payload", await third.ReceiveTextAsync());
        Assert.Equal("bye", await third.ReceiveTextAsync());
        Assert.Empty(server.NotSent);
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task A_kept_sender_sends_when_the_handler_has_ended_until_the_server_has(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        IDatagramSender? sender = null;
        SocketAddress? address = null;
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            (sender, address) = (context.Sender, Copy(context.RemoteAddress));
            return context.ReplyAsync(context.Payload);
        });
        using RawDatagramClient client = server.Connect();
        await client.AskAsync("hello");
        for (int i = 0; i < 5; i++)
        {
            Assert.True(await Task.Run(() => sender!.TrySend([(byte)i, 1, 2], address!)));
            Assert.Equal([(byte)i, 1, 2], await client.ReceiveAsync());
        }

        var elsewhere = new SocketAddress(cell.IsUnix ? AddressFamily.InterNetwork : AddressFamily.Unix);
        Assert.False(sender!.TrySend([1], elsewhere), "an address of another kind was sent to");
        await server.DisposeAsync();
        Assert.False(sender.TrySend([1], address!), "a server that has stopped sent");
        Assert.Empty(client.Drain());
    });

    [Theory, MemberData(nameof(Matrix.UdpCells), MemberType = typeof(Matrix))]
    public Task A_server_of_every_IPv6_address_sends_to_IPv4_and_one_of_IPv4_refuses_IPv6(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        using RawDatagramClient other = RawDatagramClient.Open(unix: false, six: !cell.IsSix);
        string? refusal = null;
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            try
            {
                await context.SendToAsync(context.Payload, other.EndPoint);
            }
            catch (SluiceException error)
            {
                refusal = error.Id;
            }

            await context.ReplyAsync("done"u8.ToArray());
        }, options => options.Listen.Add(cell.IsSix ? "udp://[::]:0" : "udp://0.0.0.0:0"));
        using RawDatagramClient client = RawDatagramClient.Connect(new IPEndPoint(cell.IsSix ? IPAddress.IPv6Loopback : IPAddress.Loopback, server.Url.Port));
        Assert.Equal("done", await client.AskAsync("to the other"));
        if (cell.IsSix)
        {
            Assert.Null(refusal);
            Assert.Equal("to the other", await other.ReceiveTextAsync());
        }
        else
        {
            Assert.Equal(ErrorIds.NoPeerAddress, refusal);
        }
    });

    private static SocketAddress Copy(SocketAddress address)
    {
        var copy = new SocketAddress(address.Family, address.Size);
        address.Buffer.Span[..address.Size].CopyTo(copy.Buffer.Span);
        return copy;
    }
}
