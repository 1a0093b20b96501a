using System.Globalization;
using Sluice.Accepting;
using Sluice.Transports;

namespace Sluice.Models.Threads;

/// <summary>A fixed number of threads and a bounded queue: the connection after the last free thread waits its turn.</summary>
internal sealed class ThreadPoolModel : ConcurrencyModel
{
    public override string Name => "threadpool";

    public override ModelCapabilities Capabilities { get; } = new()
    {
        Summary = "a fixed number of threads and a bounded queue",
        Concurrent = true,
        BlockingHandlerSafe = true,
        SharesMemory = true,
        CrashContained = false,
        MultiCore = true,
        Blocking = true,
        NeedsDescriptor = false,
    };

    /// <summary>Threads when the options do not say: 4 per core, at least 16.</summary>
    public static int DefaultThreads => Math.Max(16, 4 * Environment.ProcessorCount);

    internal override async Task RunAsync(ServerContext server, CancellationToken stop)
    {
        var queue = new WorkQueue(server.Options.Queue);
        bool wait = server.Options.Limits.OnLimit == OnLimit.Wait;
        Task[] threads = [.. Enumerable.Range(1, server.Options.Threads ?? DefaultThreads).Select(number => OwnThread.RunAsync(
            "sluice-pool-" + number.ToString(CultureInfo.InvariantCulture), server.Options, () => Work(server, queue)))];

        // Stopping must also wake an acceptor that waits for room; those that wait unserved are told at once, unless others
        // go on accepting: then they, and the one that waits for room, are served.
        await using CancellationTokenRegistration stopping = stop.UnsafeRegister(_ =>
        {
            if (!server.OthersAccept)
            {
                queue.Close(Draining);
            }
        }, state: null);
        await OwnThread.RunAsync("sluice-acceptor", server.Options, () => new BlockingAcceptor(server).Run(Dispatch, stop));
        queue.Close(stop.IsCancellationRequested && !server.OthersAccept ? Draining : null);
        if (!server.Options.IndependentThreads)
        {
            await Task.WhenAll(threads);
        }

        void Dispatch(Listener listener, StreamSocket socket)
        {
            if (!queue.TryAdd(listener, socket, wait))
            {
                BlockingAcceptor.Refuse(server, listener, socket, stop.IsCancellationRequested ? RefuseReason.Draining : RefuseReason.QueueFull);
            }
        }

        void Draining(Listener listener, StreamSocket socket) => BlockingAcceptor.Refuse(server, listener, socket, RefuseReason.Draining);
    }

    private static void Work(ServerContext server, WorkQueue queue)
    {
        while (queue.TryTake(out (Listener Listener, StreamSocket Socket) work))
        {
            server.Runner.Run(work.Listener, work.Socket);
        }
    }
}
