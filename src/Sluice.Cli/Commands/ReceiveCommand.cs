using System.CommandLine;
using Sluice.Cli.Files;
using Sluice.Cli.Handlers;
using Sluice.Cli.Serving;
using Sluice.Cli.Settings;
using Sluice.Files;
using FileOptions = Sluice.Cli.Files.FileOptions;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice receive DIR --v1 --listen URL</c></summary>
internal static class ReceiveCommand
{
    public static Command Make()
    {
        var directory = new Argument<string>("DIR") { Description = "Where to put the files. It must exist." };
        Option<bool> v1 = FileOptions.V1();
        Option<bool> insecure = FileOptions.Insecure();
        Option<string?> layout = FileOptions.Layout(canTell: true);
        Option<string?> maxFileSize = FileOptions.MaxFileSize();
        var command = new Command("receive", "Receive files into a directory. An existing file is replaced, atomically.") { directory, v1, insecure, layout, maxFileSize };
        var sources = new SettingSources(command, ServerSettings.WithListen,
            ("model", "thread"), ("max-connections", "256"), ("max-connections-per-source", "64"), ("on-limit", "refuse"),
            ("idle-timeout", "60s, not counted between files"), ("first-byte-timeout", "10s"), ("min-rate", "1KiB/s, after 10s"));
        command.SetAction(async (parsed, _) =>
        {
            FileOptions.RequireV1(parsed.GetValue(v1), "receive");
            ServerPlan plan = Defaults();
            sources.Apply(plan, parsed);
            Addresses.Check(plan.Options);
            Array.ForEach(ListenAddress.All(plan.Options), address => FileReceiverHandler.CheckListen(address.Url, parsed.GetValue(insecure)));

            var options = new FileReceiverOptions
            {
                Directory = parsed.GetValue(directory)!,
                Layout = FileOptions.LayoutValue(parsed.GetValue(layout), canTell: true),
                MaxFileSize = FileOptions.MaxFileSizeValue(parsed.GetValue(maxFileSize)),
            };
            using var handler = new FileReceiverHandler(options, new ReceiveObserver(plan));
            return await ServerRun.ToTheEndAsync(new ServedHandlers("receive", handler), plan);
        });
        return command;
    }

    // Stricter than serve: whoever reaches a receiver can fill its disk.
    private static ServerPlan Defaults()
    {
        var plan = new ServerPlan();
        plan.Options.Model = "thread";
        plan.Options.Limits.MaxConnections = 256;
        plan.Options.Limits.MaxConnectionsPerSource = 64;
        plan.Options.Limits.OnLimit = OnLimit.Refuse;
        plan.Options.Limits.IdleTimeout = TimeSpan.FromSeconds(60);
        plan.Options.Limits.IdleInsideUnitsOnly = true;
        plan.Options.Limits.FirstByteTimeout = TimeSpan.FromSeconds(10);
        plan.Options.Limits.MinRate = 1024;
        return plan;
    }
}
