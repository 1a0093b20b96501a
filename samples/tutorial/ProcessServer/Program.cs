using Sluice;

await using SocketServer server = SocketServer.CreateBuilder()
    .Listen(args.FirstOrDefault("tcp://127.0.0.1:18001"))
    .UseModel("process") // this program is started again for each connection, and comes to RunAsync below
    .Handle(async connection =>
    {
        using var reader = new StreamReader(connection.Transport.Input.AsStream(), leaveOpen: true);
        string request = (await reader.ReadLineAsync())?.Trim() ?? "";
        Console.WriteLine($"pid {Environment.ProcessId}: {request}");
        await Task.Delay(1000);
        if (request.Length > 0)
        {
            await connection.Transport.Output.WriteAsync("这是从服务端进程中发出的消息"u8.ToArray());
        }
    })
    .Build();

server.Events.StateChanged += state => Console.WriteLine($"{state} {server.LocalUrls[0]}");
await server.RunAsync();
