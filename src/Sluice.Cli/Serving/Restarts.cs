using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Sluice.Cli.Settings;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Serving;

/// <summary>Acts on the signals that replace processes, and says what came of it.</summary>
internal sealed class Restarts(SocketServer server, ServerPlan plan, ChannelReader<RestartSignal> asked, CancellationToken stop)
{
    /// <summary>Ends when a new process has taken over. What goes wrong is told, and this process goes on.</summary>
    public async Task HandOverAsync()
    {
        while (true)
        {
            RestartSignal signal = await asked.ReadAsync(CancellationToken.None);
            if (stop.IsCancellationRequested)
            {
                continue; // it stops already
            }

            try
            {
                if (signal == RestartSignal.Workers)
                {
                    await ReplaceWorkersAsync();
                }
                else if (await UpgradeAsync())
                {
                    return;
                }
            }
            catch (OperationCanceledException)
            {
                // It stops: nobody needs new processes.
            }
            catch (Exception error)
            {
                Lines.Error(error, withStack: plan.LogLevel <= LogLevel.Debug); // whatever it is: who is connected must not feel it
            }
        }
    }

    private async Task<bool> UpgradeAsync()
    {
        Lines.Notice(plan.Language.Say("SIGUSR2: starting a new process", "SIGUSR2: 正在启动新进程"));
        int successor = await server.UpgradeAsync(plan.Upgrade, stop);
        Lines.Notice(plan.Language.Say(
            $"handed over to process {successor}; this one drains {server.Connections} connections and ends",
            $"已移交给进程 {successor}; 本进程处理完 {server.Connections} 个连接后结束"));
        return true;
    }

    private async Task ReplaceWorkersAsync()
    {
        if (server.Model.Name != "prefork")
        {
            Lines.Notice(plan.Language.Say(
                $"SIGHUP has no meaning for the model {server.Model.Name}, which has no workers that live on; SIGUSR2 replaces the whole process",
                $"SIGHUP 对模型 {server.Model.Name} 没有意义; SIGUSR2 可更换整个进程"));
            return;
        }

        Lines.Notice(plan.Language.Say("SIGHUP: replacing the workers, one after the other", "SIGHUP: 正在逐个更换工作进程"));
        await server.RestartWorkersAsync();
        Lines.Notice(plan.Language.Say("the workers are replaced", "工作进程已全部更换"));
    }
}
