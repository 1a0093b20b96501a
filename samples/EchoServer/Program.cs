using Sluice;

await using SocketServer server = SocketServer.CreateBuilder()
    .Listen(args.FirstOrDefault("tcp://127.0.0.1:9000"))
    .UseModel("thread")
    .Handle(connection => connection.Transport.Input.CopyToAsync(connection.Transport.Output))
    .Build();

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };
server.Events.StateChanged += state => Console.WriteLine($"{state} {server.LocalUrls[0]}");
await server.RunAsync(stop.Token);
