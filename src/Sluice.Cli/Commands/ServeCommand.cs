using System.CommandLine;
using Sluice.Cli.Handlers;
using Sluice.Cli.Serving;
using Sluice.Cli.Settings;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice serve HANDLER --listen URL</c></summary>
internal static class ServeCommand
{
    public static Command Make()
    {
        var handler = new Argument<string>("HANDLER")
        {
            Description = "echo (answers every byte), upper (answers in upper case), discard (answers nothing), chargen (sends characters for ever), daytime (says the time and closes). All but chargen serve datagrams too.",
        };
        var command = new Command("serve", "Serve a built-in handler under any concurrency model. Prints 'listening URL model=M pid=P' once it accepts; SIGTERM or Ctrl-C drains, a second one stops at once; SIGUSR2 has a new process take over, SIGHUP replaces the workers of prefork.")
        {
            handler,
        };
        var sources = new SettingSources(command, ServerSettings.WithListen);
        command.SetAction((parsed, _) =>
        {
            ServedHandlers served = BuiltInHandlers.Make(parsed.GetValue(handler)!);
            var plan = new ServerPlan();
            sources.Apply(plan, parsed);
            Addresses.Check(plan.Options);
            return ServerRun.ToTheEndAsync(served, plan);
        });
        return command;
    }
}
