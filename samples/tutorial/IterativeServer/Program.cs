using System.IO.Pipelines;
using System.Text;
using Sluice;

await using SocketServer server = SocketServer.CreateBuilder()
    .Listen(args.FirstOrDefault("tcp://127.0.0.1:50008"))
    .UseModel("iterative")
    .Handle(async connection =>
    {
        PipeReader input = connection.Transport.Input;
        while (await input.ReadAsync() is { Buffer.IsEmpty: false } read)
        {
            Console.WriteLine($"收到客户端数据: {Encoding.UTF8.GetString(read.Buffer)}");
            input.AdvanceTo(read.Buffer.End);
            await connection.Transport.Output.WriteAsync("这是一个循环版多连接服务测试"u8.ToArray());
        }
    })
    .Build();

server.Events.StateChanged += state => Console.WriteLine($"{state} {server.LocalUrls[0]}");
await server.RunAsync();
