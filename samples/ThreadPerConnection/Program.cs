// One thread per connection, so a handler may block: it reads lines with an ordinary StreamReader and never awaits.
using Microsoft.AspNetCore.Connections;
using Sluice;

await using SocketServer server = SocketServer.CreateBuilder()
    .Listen(args.FirstOrDefault("tcp://127.0.0.1:9001"))
    .UseModel("thread")
    .Handle(new LineHandler())
    .Build();

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };
server.Events.StateChanged += state => Console.WriteLine($"{state} {server.LocalUrls[0]}");
await server.RunAsync(stop.Token);

internal sealed class LineHandler : ConnectionHandler
{
    public override Task OnConnectedAsync(ConnectionContext connection)
    {
        using var reader = new StreamReader(connection.Transport.Input.AsStream());
        using var writer = new StreamWriter(connection.Transport.Output.AsStream()) { AutoFlush = true };
        while (reader.ReadLine() is { } line)
        {
            writer.WriteLine($"{Thread.CurrentThread.Name}: {line}");
        }

        return Task.CompletedTask;
    }
}
