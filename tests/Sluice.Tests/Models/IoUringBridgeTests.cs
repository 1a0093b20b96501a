using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Sluice.Transports;

namespace Sluice.Tests.Models;

/// <summary>
/// Sends to connections that are full, from everywhere: their own handlers, and a datagram handler, whose event may come before it is known what the sends of the turn
/// before have left.
/// </summary>
public sealed class IoUringBridgeTests
{
    private const int Clients = 2;
    private const int MessageSize = 997;
    private const int EchoSize = 4_000_000;
    private const int OneOf = 40;
    private const byte Nobody = 255;

    [Theory, InlineData("tcp"), InlineData("unix")]
    public async Task What_a_datagram_handler_sends_to_full_connections_comes_between_the_echoes_and_spoils_none(string transport)
    {
        var bridge = new Bridge();
        await using SocketServer server = SocketServer.CreateBuilder()
            .UseModel("io_uring")
            .Listen(transport == "unix" ? $"unix://{Path.GetTempPath()}sluice-bridge-{Path.GetRandomFileName()}.sock" : "tcp://127.0.0.1:0")
            .Listen("udp://127.0.0.1:0")
            .Handle(bridge.EchoAsync)
            .HandleDatagrams(bridge)
            .Configure(options => options.Loops = 1)
            .Build();
        await server.StartAsync();
        await using RawClient first = await RawClient.ConnectAsync(server.LocalUrls[0], receiveBuffer: 8192);
        await bridge.IsServed[0].Task.Within("the first is served");
        await using RawClient second = await RawClient.ConnectAsync(server.LocalUrls[0], receiveBuffer: 8192);
        await bridge.IsServed[1].Task.Within("the second is served");

        using var over = new CancellationTokenSource();
        Task pushing = Task.Run(() => PushAsync(server.LocalUrls[1], over.Token));
        byte[][] got = await Task.WhenAll(EchoAsync(first, 0), EchoAsync(second, 1)).Within("both have their echo", TimeSpan.FromSeconds(50));
        await over.CancelAsync();
        await pushing;
        for (int client = 0; client < Clients; client++)
        {
            Assert.True(Array.FindAll(got[client], one => one < 0x80).AsSpan().SequenceEqual(Echo(client)), "the echo is not what was sent");
            byte[] messages = Array.FindAll(got[client], one => one >= 0x80);
            int[] taken = [.. bridge.Taken[client]];
            Assert.InRange(messages.Length, 1, taken.Length * MessageSize);
            Assert.True(messages.Select((one, at) => one == Mark(taken[at / MessageSize])).All(isRight => isRight), "a message is not whole, or not in its order");
        }
    }

    private static byte Mark(int message) => (byte)(0x80 | message);

    private static byte[] Echo(int client) => Array.ConvertAll(Payload.Make(EchoSize, client), one => (byte)(one & 0x7F));

    // As fast as it goes, so that the socket is never empty; few of them have a message sent.
    private static async Task PushAsync(SocketAddressUrl url, CancellationToken over)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(url.ToIPEndPoint(), CancellationToken.None);
        for (int i = 0; !over.IsCancellationRequested; i++)
        {
            byte to = i % OneOf == 0 ? (byte)(i / OneOf / 3 % Clients) : Nobody;
            await socket.SendAsync(new[] { to }, CancellationToken.None);
        }
    }

    // Sends without end, and reads more slowly than it is answered.
    private static async Task<byte[]> EchoAsync(RawClient client, int number)
    {
        byte[] sent = Echo(number);
        Task sending = Task.Run(async () =>
        {
            foreach (ReadOnlyMemory<byte> slice in Payload.Slices(sent, 9000, number))
            {
                await client.SendAsync(slice);
            }
        });
        var got = new List<byte>();
        byte[] some = new byte[16 * 1024];
        for (int echoed = 0; echoed < sent.Length;)
        {
            int count = await client.ReceiveAsync(some);
            Assert.NotEqual(0, count);
            got.AddRange(some.AsSpan(0, count));
            echoed += some.AsSpan(0, count).ToArray().Count(one => one < 0x80);
        }

        await sending;
        return [.. got];
    }

    private sealed class Bridge : DatagramHandler
    {
        private readonly IConnectionSender?[] _senders = new IConnectionSender?[Clients];
        private int _next = -1;

        public TaskCompletionSource[] IsServed { get; } = [new(), new()];

        public ConcurrentQueue<int>[] Taken { get; } = [new(), new()];

        public Task EchoAsync(ConnectionContext connection)
        {
            int number = Interlocked.Increment(ref _next);
            _senders[number] = connection.Features.Get<IConnectionSender>()!;
            IsServed[number].SetResult();
            return Handlers.Echo(connection);
        }

        public override ValueTask OnDatagramAsync(DatagramContext datagram)
        {
            int to = datagram.Payload.Span[0];
            if (to == Nobody)
            {
                return default;
            }

            int message = Taken[to].Count & 0x7F;
            byte[] bytes = new byte[MessageSize];
            bytes.AsSpan().Fill(Mark(message));
            if (_senders[to]!.TrySend(bytes))
            {
                Taken[to].Enqueue(message);
            }

            return default;
        }
    }
}
