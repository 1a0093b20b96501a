using System.Globalization;
using Sluice;
using Sluice.Testing;
using Sluice.TestServer;

// testserver MODEL URL [max-connections]: an echo server in a process of its own, for faults that a test process would not survive.
// It prints "listening URL PID" and serves until stdin ends; log lines go to stderr, and "SLUnnnn why" if it cannot serve.
using var loggers = new StderrLoggers();
try
{
    await using SocketServer server = SocketServer.CreateBuilder()
        .Configure(made =>
        {
            made.Model = args[0];
            made.Drain = TimeSpan.FromSeconds(2);
            made.Listen.Add(args[1]);
            made.Limits.MaxConnections = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : null;
        })
        .Handle(Handlers.Echo)
        .LogTo(loggers)
        .Build();
    await server.StartAsync();
    Console.WriteLine($"listening {server.LocalUrls[0]} {Environment.ProcessId}");
    await Task.Run(Console.In.ReadToEnd);
    await server.StopAsync();
    return 0;
}
catch (SluiceException refusal)
{
    Console.Error.WriteLine($"{refusal.Id} {refusal.Message}");
    return 1;
}
