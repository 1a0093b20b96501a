// A protocol of one's own: a message is its length (4 bytes, big-endian) and that many bytes. The reply is the same bytes, reversed.
using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice;

await using SocketServer server = SocketServer.CreateBuilder().Listen(args.FirstOrDefault("tcp://127.0.0.1:9003")).Handle(new ReverseHandler()).Build();
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };
server.Events.StateChanged += state => Console.WriteLine($"{state} {server.LocalUrls[0]}");
await server.RunAsync(stop.Token);

internal sealed class ReverseHandler : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        while (await input.ReadAtLeastAsync(4) is { Buffer.Length: >= 4 } header)
        {
            int length = LengthOf(header.Buffer);
            input.AdvanceTo(header.Buffer.Start); // nothing is consumed: the next read gives the header again, with the body
            ReadResult message = await input.ReadAtLeastAsync(4 + length);
            byte[] reply = message.Buffer.Slice(0, 4 + length).ToArray(); // throws when the peer left in the middle: this connection ends
            input.AdvanceTo(message.Buffer.GetPosition(4 + length));
            reply.AsSpan(4).Reverse();
            await connection.Transport.Output.WriteAsync(reply);
        }
    }

    private static int LengthOf(ReadOnlySequence<byte> header)
    {
        Span<byte> bytes = stackalloc byte[4];
        header.Slice(0, 4).CopyTo(bytes);
        int length = BinaryPrimitives.ReadInt32BigEndian(bytes);
        return length is >= 0 and <= 65536 ? length : throw new InvalidDataException($"a message has 0 to 65,536 bytes, not {length}");
    }
}
