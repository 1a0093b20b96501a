using Microsoft.Extensions.Logging;
using Sluice.Cli.Handlers;
using Sluice.Cli.Serving;
using Sluice.Cli.Settings;
using Sluice.Cli.Terminal;
using Sluice.Models;

namespace Sluice.Cli.Demos;

/// <summary>Runs a demo's server.</summary>
internal static class DemoServer
{
    /// <summary>Threads of the pool, unless told otherwise.</summary>
    public const int Threads = 16;

    /// <summary>Processes that stand by, unless told otherwise: the tutorial's clients come all at once, and under the JIT a process takes a while to start.</summary>
    public const int Standby = 16;

    /// <summary>Event loops, unless told otherwise: the tutorial's select is one thread.</summary>
    public const int Loops = 1;

    public static async Task<int> RunAsync(DemoKind kind, Demo demo, ServerPlan plan)
    {
        using var printer = new DemoPrinter(plan.Language);
        if (SocketServer.IsWorker)
        {
            return await ServerRun.ToTheEndAsync(new ServedHandlers(kind.Name, demo), plan, server => demo.Attach(printer, server), () => printer.Announce(opening: null)); // its master has said it
        }

        RaiseBacklog(kind, plan);
        TellOfTurns(kind, plan);
        return await ServerRun.ToTheEndAsync(new ServedHandlers(kind.Name, demo), plan, server => demo.Attach(printer, server), () => printer.Announce(demo.OpeningLine));
    }

    // Those who come while one is served wait in the backlog; with the tutorial's they would be dropped from the sixth on, and try again late.
    private static void RaiseBacklog(DemoKind kind, ServerPlan plan)
    {
        if (plan.Given.Contains("backlog"))
        {
            return;
        }

        plan.Options.Sockets.Backlog = Math.Max(kind.Backlog, ProcFile.Number("/proc/sys/net/core/somaxconn") is { } most ? (int)Math.Min(most, int.MaxValue) : kind.Backlog);
        if (plan.Options.Sockets.Backlog > kind.Backlog && plan.LogLevel <= LogLevel.Information)
        {
            Lines.Notice(plan.Language.Say(
                $"backlog {plan.Options.Sockets.Backlog}, the kernel's largest, instead of the tutorial's {kind.Backlog}",
                $"等待队列 {plan.Options.Sockets.Backlog} (内核上限), 教程中为 {kind.Backlog}"));
        }
    }

    private static void TellOfTurns(DemoKind kind, ServerPlan plan)
    {
        string model = ConcurrencyModels.Find(plan.Options.Model).Name;
        if (kind.LongestTurn is not null && !ServerSettings.LoopModels.Contains(model, StringComparer.Ordinal) && plan.LogLevel <= LogLevel.Information)
        {
            Lines.Notice(plan.Language.Say($"the model {model} has no event loop: there are no turns to print", $"模型 {model} 没有事件循环: 不打印循环信息"));
        }
    }
}
