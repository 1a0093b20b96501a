using Sluice.Accepting;
using Sluice.Transports;

namespace Sluice.Models.Async;

/// <summary>Handlers wait without a thread and go on on the .NET thread pool.</summary>
internal sealed class AsyncModel : ConcurrencyModel
{
    public override string Name => "async";

    public override ModelCapabilities Capabilities { get; } = new()
    {
        Summary = "the .NET thread pool resumes handlers; one that blocks costs a pool thread",
        Concurrent = true,
        BlockingHandlerSafe = true,
        SharesMemory = true,
        CrashContained = false,
        MultiCore = true,
        Blocking = false,
        NeedsDescriptor = false,
    };

    internal override async Task RunAsync(ServerContext server, CancellationToken stop)
    {
        var running = new RunningCount();
        var acceptor = new BlockingAcceptor(server, waits: false);
        await OwnThread.RunAsync("sluice-acceptor", server.Options, () => acceptor.Run(Dispatch, static datagram => ThreadPool.UnsafeQueueUserWorkItem(datagram, preferLocal: false), stop));
        if (!server.Options.IndependentThreads)
        {
            await running.EndedAsync();
            await acceptor.DatagramsEndedAsync();
            acceptor.Close();
        }
        else
        {
            _ = acceptor.CloseLaterAsync();
        }

        void Dispatch(Listener listener, StreamSocket socket)
        {
            running.Add();
            ThreadPool.UnsafeQueueUserWorkItem(
                static work => _ = ServeAsync(work.server, work.running, work.listener, work.socket), (server, running, listener, socket), preferLocal: false);
        }
    }

    private static async Task ServeAsync(ServerContext server, RunningCount running, Listener listener, StreamSocket socket)
    {
        try
        {
            await server.Runner.RunAsync(listener, socket);
        }
        finally
        {
            running.Remove();
        }
    }
}
