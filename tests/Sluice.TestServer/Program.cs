using System.Globalization;
using System.Runtime.InteropServices;
using Sluice;
using Sluice.Testing;
using Sluice.TestServer;

// testserver MODEL URL [max-connections]: an echo server, of connections and of datagrams, in a process of its own, for faults that a test process would not survive.
// testserver spec JSON...: servers as ServerSpec says, one after the other; what a test process names as the program of its workers.
// It prints "listening URL PID" and serves until stdin ends, or until SIGUSR2 has had a new process take over; log lines go to stderr, and "SLUnnnn why" if it
// cannot serve.
using var loggers = new StderrLoggers();
try
{
    SocketServer[] servers = args[0] == "spec"
        ? [.. args[1..].Select(json => ServerSpec.Parse(json).ToBuilder().LogTo(loggers).Build())]
        :
        [
            SocketServer.CreateBuilder()
                .Configure(made =>
                {
                    made.Model = args[0];
                    made.Drain = TimeSpan.FromSeconds(2);
                    made.Listen.Add(args[1]);
                    made.Limits.MaxConnections = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : null;
                })
                .Handle(Handlers.Echo)
                .HandleDatagrams(new EchoDatagrams())
                .LogTo(loggers)
                .Build(),
        ];
    foreach (SocketServer server in servers)
    {
        await server.StartAsync();
    }

    var upgraded = new TaskCompletionSource();
    using PosixSignalRegistration? onUpgrade = SocketServer.IsWorker ? null : PosixSignalRegistration.Create((PosixSignal)12, signal =>
    {
        signal.Cancel = true;
        _ = UpgradeAsync();
    });

    foreach (SocketServer server in servers)
    {
        Console.WriteLine($"listening {server.LocalUrls[0]} {Environment.ProcessId}");
    }

    await Task.WhenAny(Task.Run(Console.In.ReadToEnd), upgraded.Task);
    foreach (SocketServer server in servers)
    {
        await server.DisposeAsync();
    }

    return 0;

    async Task UpgradeAsync()
    {
        try
        {
            await SocketServer.UpgradeAsync(servers, new UpgradeOptions { ReadyWithin = TimeSpan.FromSeconds(30) }); // many tests start processes at once
            upgraded.SetResult();
        }
        catch (SluiceException failure)
        {
            Console.Error.WriteLine($"{failure.Id} {failure.Message}");
        }
    }
}
catch (SluiceException refusal)
{
    Console.Error.WriteLine($"{refusal.Id} {refusal.Message}");
    return 1;
}
