using System.CommandLine;
using Sluice.Cli.Demos;
using Sluice.Cli.Settings;
using Sluice.Files;
using Sluice.Transports;
using FileOptions = Sluice.Cli.Files.FileOptions;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice demo NAME [--client]</c></summary>
internal static class DemoCommand
{
    public static Command Make()
    {
        var command = new Command("demo", "The tutorial's servers and, with --client, their clients, message for message.");
        foreach (DemoKind kind in DemoKind.All)
        {
            command.Add(Make(kind));
        }

        return command;
    }

    private static Command Make(DemoKind kind)
    {
        var client = new Option<bool>("--client") { Description = "Run the tutorial's client instead of its server." };
        var address = new DemoAddress(kind.Port);
        var command = new Command(kind.Name, $"{kind.Description} [tcp://127.0.0.1:{kind.Port}, model {kind.Model}]") { client, address.Port, address.Host };
        Option<bool> insecure = FileOptions.Insecure();
        var directory = new Option<string?>("--dir") { HelpName = "DIR", Description = $"Where to put the files; it must exist. [default: {FilesDemo.DefaultDirectory}, which is made]" };
        if (kind.ReceivesFiles)
        {
            command.Add(directory);
            command.Add(insecure);
        }

        var sources = new SettingSources(command, ServerSettings.Common,
            ("model", kind.Model), ("threads", $"{DemoServer.Threads}"), ("loops", $"{DemoServer.Loops}"), ("standby", $"{DemoServer.Standby}"), ("idle-timeout", kind.IdleTimeout is { } idle ? $"{idle.TotalSeconds:0}s" : "off"),
            ("backlog", $"the kernel's largest; the tutorial's is {kind.Backlog}"));
        command.SetAction(async (parsed, _) =>
        {
            var plan = new ServerPlan();
            if (parsed.GetValue(client))
            {
                RefuseServerOptions(sources.OnCommandLine(parsed));
                RefuseServerOptions(parsed.GetResult(directory) is { Implicit: false } ? [directory.Name] : []);
                sources.ApplyOnly(ServerSettings.Lang, plan, parsed);
                string url = address.ToConnect(parsed);
                if (kind.ReceivesFiles)
                {
                    FileOptions.CheckConnect(SocketAddressUrl.Parse(url), parsed.GetValue(insecure));
                }

                return await kind.Client(url, plan.Language);
            }

            plan.Options.Listen.Add(address.ToListen(parsed));
            plan.Options.Model = kind.Model;
            plan.Options.Threads = DemoServer.Threads;
            plan.Options.Loops = DemoServer.Loops;
            plan.Options.Workers.Standby = DemoServer.Standby;
            plan.Options.LoopMaxWait = kind.LongestTurn;
            plan.Options.Limits.IdleTimeout = kind.IdleTimeout;
            sources.Apply(plan, parsed);
            if (kind.ReceivesFiles)
            {
                FileReceiverHandler.CheckListen(SocketAddressUrl.Parse(plan.Options.Listen[0]), parsed.GetValue(insecure));
            }

            using Demo demo = kind.Server(kind.ReceivesFiles ? parsed.GetValue(directory) : null);
            return await DemoServer.RunAsync(kind, demo, plan);
        });
        return command;
    }

    private static void RefuseServerOptions(IEnumerable<string> given)
    {
        if (given.FirstOrDefault(option => option != ServerSettings.Lang.Option) is { } option)
        {
            throw new UsageException(ErrorIds.OptionNotHonoured, $"{option} is for the demo's server; leave it out with --client");
        }
    }
}
