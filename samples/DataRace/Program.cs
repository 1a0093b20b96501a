// What threads share, they race for: eight clients send 1,000,000 bytes each, and two counters count them.
using Microsoft.AspNetCore.Connections;
using Sluice;

int careless = 0;
int careful = 0;
await using SocketServer server = SocketServer.CreateBuilder()
    .Listen(args.FirstOrDefault("memory://race"))
    .UseModel("thread")
    .Handle(async connection =>
    {
        while (await connection.Transport.Input.ReadAsync() is { Buffer.IsEmpty: false } read)
        {
            for (long i = 0; i < read.Buffer.Length; i++)
            {
                careless++;                         // read, add, write: two threads read the same number, and one count is lost
                Interlocked.Increment(ref careful); // the cure: one step that no other thread can come between
            }

            connection.Transport.Input.AdvanceTo(read.Buffer.End);
        }
    })
    .Build();

await server.StartAsync();
await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => SendAsync(server.LocalUrls[0].ToString())));
await server.StopAsync();
Console.WriteLine($"careless {careless} careful {careful}");

static async Task SendAsync(string url)
{
    await using ConnectionContext connection = await SocketClient.ConnectAsync(url);
    await connection.Transport.Output.WriteAsync(new byte[1_000_000]);
    await connection.Transport.Output.CompleteAsync();
    await connection.Transport.Input.ReadAsync(); // the server has counted all of it, and closes
}
