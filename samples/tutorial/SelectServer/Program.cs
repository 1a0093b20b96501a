using System.IO.Pipelines;
using System.Text;
using Sluice;

await using SocketServer server = SocketServer.CreateBuilder()
    .Listen(args.FirstOrDefault("tcp://127.0.0.1:8888"))
    .UseModel("select")
    .Configure(options => options.Loops = 1) // one thread; the default is one loop per core
    .Handle(async connection =>
    {
        PipeReader input = connection.Transport.Input;
        string word = "first";
        while (await input.ReadAsync() is { Buffer.IsEmpty: false } read)
        {
            string request = Encoding.UTF8.GetString(read.Buffer).ToUpperInvariant();
            input.AdvanceTo(read.Buffer.End);
            await connection.Transport.Output.WriteAsync(Encoding.UTF8.GetBytes($"{word} received data: b'{request}'"));
            word = "else";
        }
    })
    .Build();

server.Events.LoopTick += turn => Console.WriteLine($"turn {turn.Iteration}: {turn.Ready.Count} of {turn.Watched} ready");
server.Events.StateChanged += state => Console.WriteLine($"{state} {server.LocalUrls[0]}");
await server.RunAsync();
