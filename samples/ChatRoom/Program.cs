// Connections that talk to each other. A PipeWriter belongs to its own handler; everybody else sends through IConnectionSender.
using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice;

var room = new ConcurrentDictionary<ConnectionContext, IConnectionSender>();
await using SocketServer server = SocketServer.CreateBuilder().Listen(args.FirstOrDefault("tcp://127.0.0.1:9002")).Handle(ChatAsync).Build();
using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };
server.Events.StateChanged += state => Console.WriteLine($"{state} {server.LocalUrls[0]}");
await server.RunAsync(stop.Token);

async Task ChatAsync(ConnectionContext connection)
{
    room[connection] = connection.Features.Get<IConnectionSender>()!;
    try
    {
        ReadResult read;
        do
        {
            read = await connection.Transport.Input.ReadAsync();
            ReadOnlySequence<byte> rest = read.Buffer;
            while (rest.PositionOf((byte)'\n') is { } newline)
            {
                byte[] line = rest.Slice(0, rest.GetPosition(1, newline)).ToArray();
                rest = rest.Slice(line.Length);
                Array.ForEach([.. room.Values], member => member.TrySend(line)); // false: a slow reader misses this line
            }

            connection.Transport.Input.AdvanceTo(rest.Start, rest.End); // whole lines are consumed, all is examined
        }
        while (!read.IsCompleted);
    }
    finally { room.TryRemove(connection, out _); }
}
