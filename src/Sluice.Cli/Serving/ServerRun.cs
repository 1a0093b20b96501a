using Microsoft.Extensions.Logging;
using Sluice.Cli.Handlers;
using Sluice.Cli.Settings;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Serving;

/// <summary>Runs a server from start to the end of its drain, for every command that serves.</summary>
internal static class ServerRun
{
    // A second signal cuts every connection; a handler that computes on regardless is left to the process's end.
    private static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(2);

    /// <summary>Serves until a signal, and drains.</summary>
    /// <param name="handlers">The handlers.</param>
    /// <param name="plan">What the command was told.</param>
    /// <param name="watch">Subscribes to the server's events before it listens.</param>
    /// <param name="announced">Called once the listening lines are out.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> ToTheEndAsync(ServedHandlers handlers, ServerPlan plan, Action<SocketServer>? watch = null, Action? announced = null)
    {
        using var log = new StderrLog(plan.LogLevel);
        if (SocketServer.IsWorker)
        {
            return await AsWorkerAsync(handlers, plan, log, watch, announced);
        }

        using var signals = new StopSignals();
        using var restarts = new RestartSignals();
        PidFile? pidFile = plan.PidFile is null ? null : PidFile.Claim(plan.PidFile);
        WarmUp.Run();
        var server = handlers.Server(plan.Options, log);
        bool tells = plan.LogLevel <= LogLevel.Information;
        if (tells)
        {
            server.Events.Noticed += Lines.Notice;
        }

        watch?.Invoke(server);
        using SystemdNotifier? notifier = SystemdNotifier.Attach(server);
        Task starting = server.StartAsync();
        if (await Task.WhenAny(starting, signals.AskedAsync) == starting)
        {
            await starting; // it could not listen
            pidFile?.Write();
            ListeningLine.Print(server, plan.Json);
            announced?.Invoke();
        }

        try
        {
            return await ServeAsync(server, plan, signals, new Restarts(server, plan, restarts.Asked, signals.First), tells);
        }
        finally
        {
            if (!server.IsHandedOver)
            {
                pidFile?.Remove(); // else the new process writes over it, at the latest in a moment
            }
        }
    }

    private static async Task<int> ServeAsync(SocketServer server, ServerPlan plan, StopSignals signals, Restarts restarts, bool tells)
    {
        Task<DrainReport> serving = server.RunAsync(signals.First);
        await using CancellationTokenRegistration asked = signals.First.UnsafeRegister(_ => TellOfStop(server, plan, tells), state: null);
        Task handingOver = restarts.HandOverAsync();
        if (await Task.WhenAny(serving, handingOver, signals.Second) == handingOver)
        {
            _ = server.StopAsync(); // the new process serves
        }

        if (await Task.WhenAny(serving, signals.Second) != serving)
        {
            Task stopped = server.StopAsync(TimeSpan.Zero);
            await stopped.WaitAsync(LastPatience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!serving.IsCompleted)
            {
                Lines.Notice(plan.Language.Say("stopped at once, with handlers still running", "已立即停止, 仍有处理程序在运行"));
                return ExitCodes.Ok;
            }
        }

        DrainReport report = await serving;
        if (tells)
        {
            Lines.Notice(plan.Language.Say(
                $"drained in {report.Took.TotalSeconds:0.0} s: {report.Ended} connections ended by themselves, {report.Cut} were cut",
                $"已在 {report.Took.TotalSeconds:0.0} 秒内停止: {report.Ended} 个连接自行结束, {report.Cut} 个被切断"));
        }

        await server.DisposeAsync();
        return signals.First.IsCancellationRequested || server.IsHandedOver
            ? ExitCodes.Ok
            : throw new SluiceException(ErrorIds.AcceptStopped, "the server stopped by itself: none of its listeners accepts any more; the lines above say why");
    }

    // The master has announced, and stops. RunAsync ends the process.
    private static async Task<int> AsWorkerAsync(ServedHandlers handlers, ServerPlan plan, StderrLog log, Action<SocketServer>? watch, Action? announced)
    {
        var server = handlers.Server(plan.Options, log);
        watch?.Invoke(server);
        announced?.Invoke();
        await server.RunAsync();
        return ExitCodes.Ok;
    }

    private static void TellOfStop(SocketServer server, ServerPlan plan, bool tells)
    {
        int connections = server.Connections;
        if (tells && connections > 0)
        {
            Lines.Notice(plan.Language.Say(
                $"stopping: {connections} connections have up to {plan.Options.Drain.TotalSeconds:0.###} s to end; a second signal means now",
                $"正在停止: {connections} 个连接最多有 {plan.Options.Drain.TotalSeconds:0.###} 秒结束; 再发一次信号则立即停止"));
        }
    }
}
