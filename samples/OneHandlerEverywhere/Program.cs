using System.Text;
using Sluice;
using Sluice.Framing;

string directory = Path.GetFullPath(args.FirstOrDefault("."));
await using SocketServer server = SocketServer.CreateBuilder()
    .HandleRequests(new UpperHandler(), new LineFraming())
    .UseModel("epoll")
    .Listen("tcp://127.0.0.1:0", model: "thread")
    .Listen($"unix://{directory}/upper.sock", model: "threadpool")
    .Listen("udp://127.0.0.1:0")
    .Listen($"unixgram://{directory}/upper.gram", model: "iterative")
    .Build();

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };
await server.StartAsync();
foreach ((var url, string model) in server.LocalUrls.Zip(server.LocalModels))
{
    Console.WriteLine($"Listening {url} {model}");
}

await server.RunAsync(stop.Token);

/// <summary>A line on a connection, or a whole datagram: it is a request, and the reply goes back the same way.</summary>
internal sealed class UpperHandler : RequestHandler
{
    public override ValueTask HandleAsync(RequestContext context)
    {
        Span<byte> reply = context.Response.GetSpan(context.Request.Length);
        Ascii.ToUpper(context.Request.Span, reply, out int length);
        context.Response.Advance(length);
        return ValueTask.CompletedTask;
    }
}
