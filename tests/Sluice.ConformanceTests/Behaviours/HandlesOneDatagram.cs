using System.Collections.Concurrent;
using System.Text;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class HandlesOneDatagram
{
    private const int Udp = 17, UdpSegment = 103;

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task HandleOneAsync_serves_exactly_one_and_leaves_the_next_in_the_kernel(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var seen = new ConcurrentQueue<string>();
        await using DatagramServer server = new(cell.Build(async context =>
        {
            seen.Enqueue(Encoding.UTF8.GetString(context.Payload.Span));
            await Task.Delay(1);
            await context.ReplyAsync(context.Payload);
        }));
        Assert.False(await server.Server.HandleOneAsync(TimeSpan.FromMilliseconds(30)).Within("the wait ended"));
        using RawDatagramClient client = server.Connect();
        for (int i = 0; i < 5; i++)
        {
            await client.SendAsync($"{i}");
        }

        for (int i = 0; i < 5; i++)
        {
            Assert.True(await server.Server.HandleOneAsync(TimeSpan.FromSeconds(5)).Within("one was served"));
            Assert.Equal(i + 1, seen.Count);
            Assert.Equal($"{i}", seen.Last());
            Assert.Equal($"{i}", await client.ReceiveTextAsync()); // the handler has ended
        }

        Assert.False(await server.Server.HandleOneAsync(TimeSpan.FromMilliseconds(30)).Within("the wait ended"));
        Assert.Equal(5, seen.Count);
    });

    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task One_is_one_even_of_those_that_were_sent_together(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        int seen = 0;
        await using DatagramServer server = new(cell.Build(context =>
        {
            Interlocked.Increment(ref seen);
            return context.ReplyAsync(context.Payload);
        }));
        Assert.False(await server.Server.HandleOneAsync(TimeSpan.FromMilliseconds(1)).Within("it is bound"));
        using RawDatagramClient client = server.Connect();
        client.Socket.SetRawSocketOption(Udp, UdpSegment, BitConverter.GetBytes(100));
        await client.SendAsync(new byte[450]);
        for (int i = 1; i <= 5; i++)
        {
            Assert.True(await server.Server.HandleOneAsync(TimeSpan.FromSeconds(5)).Within("one was served"));
            Assert.Equal(i, seen);
            Assert.Equal(i == 5 ? 50 : 100, (await client.ReceiveAsync()).Length);
        }
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task Of_a_connection_and_a_datagram_it_serves_whichever_comes_first_and_both_in_two_calls(string model) => DatagramCell.RunAsync(model, "udp", async cell =>
    {
        int connections = 0;
        int datagrams = 0;
        await using SocketServer server = SocketServer.CreateBuilder().UseModel(cell.Model.Name).Listen("tcp://127.0.0.1:0").Listen("udp://127.0.0.1:0")
            .Handle(connection =>
            {
                Interlocked.Increment(ref connections);
                return Handlers.Echo(connection);
            })
            .HandleDatagrams(new DatagramFunction(context =>
            {
                Interlocked.Increment(ref datagrams);
                return context.ReplyAsync(context.Payload);
            })).Build();
        Assert.False(await server.HandleOneAsync(TimeSpan.FromMilliseconds(1)).Within("it is bound"));
        using RawDatagramClient udp = RawDatagramClient.Connect(server.LocalUrls[1]);

        // Only one of them, each in turn.
        await udp.SendAsync("datagram");
        Assert.True(await server.HandleOneAsync(TimeSpan.FromSeconds(5)).Within("the datagram was served"));
        Assert.Equal((0, 1), (connections, datagrams));
        Assert.Equal("datagram", await udp.ReceiveTextAsync());
        await using (RawClient tcp = await RawClient.ConnectAsync(server.LocalUrls[0]))
        {
            await tcp.SendAsync("connection"u8.ToArray());
            tcp.Fin();
            Assert.True(await server.HandleOneAsync(TimeSpan.FromSeconds(5)).Within("the connection was served"));
            Assert.Equal((1, 1), (connections, datagrams));
            Assert.Equal("connection"u8.ToArray(), await tcp.ReceiveToEndAsync());
        }

        // Both are there.
        for (int round = 0; round < 5; round++)
        {
            (connections, datagrams) = (0, 0);
            await using RawClient tcp = await RawClient.ConnectAsync(server.LocalUrls[0]);
            await tcp.SendAsync("connection"u8.ToArray());
            tcp.Fin();
            await udp.SendAsync("datagram");
            Assert.True(await server.HandleOneAsync(TimeSpan.FromSeconds(5)).Within("one was served"));
            Assert.Equal(1, connections + datagrams);
            Assert.True(await server.HandleOneAsync(TimeSpan.FromSeconds(5)).Within("the other was served"));
            Assert.Equal((1, 1), (connections, datagrams));
            Assert.Equal("connection"u8.ToArray(), await tcp.ReceiveToEndAsync());
            Assert.Equal("datagram", await udp.ReceiveTextAsync());
        }
    });
}
