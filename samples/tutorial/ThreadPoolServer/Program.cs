using System.IO.Pipelines;
using System.Text;
using Sluice;

await using SocketServer server = SocketServer.CreateBuilder()
    .Listen(args.FirstOrDefault("tcp://127.0.0.1:18001"))
    .UseModel("threadpool")
    .Configure(options => options.Threads = 16) // the 17th connection waits its turn
    .Handle(async connection =>
    {
        PipeReader input = connection.Transport.Input;
        while (await input.ReadAsync() is { Buffer.IsEmpty: false } read)
        {
            string request = Encoding.UTF8.GetString(read.Buffer).Trim();
            input.AdvanceTo(read.Buffer.End);
            await connection.Transport.Output.WriteAsync(Encoding.UTF8.GetBytes(request.ToUpperInvariant()));
        }
    })
    .Build();

server.Events.StateChanged += state => Console.WriteLine($"{state} {server.LocalUrls[0]}");
await server.RunAsync();
