using System.Globalization;
using Sluice.Accepting;
using Sluice.Datagrams;
using Sluice.Diagnostics;
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
        var queue = new WorkQueue<Work>(server.Options.Queue);
        bool wait = server.Options.Limits.OnLimit == OnLimit.Wait;
        Task[] threads = [.. Enumerable.Range(1, server.Options.Threads ?? DefaultThreads).Select(number => OwnThread.RunAsync(
            "sluice-pool-" + number.ToString(CultureInfo.InvariantCulture), server.Options, () => Serve(server, queue)))];

        // Stopping must also wake an acceptor that waits for room; those that wait unserved are told at once, unless others
        // go on accepting: then they, and the one that waits for room, are served.
        await using CancellationTokenRegistration stopping = stop.UnsafeRegister(_ =>
        {
            if (!server.OthersAccept)
            {
                queue.Close(Draining);
            }
        }, state: null);
        var acceptor = new BlockingAcceptor(server);
        await OwnThread.RunAsync("sluice-acceptor", server.Options, () => acceptor.Run(Dispatch, DispatchDatagram, stop));
        queue.Close(stop.IsCancellationRequested && !server.OthersAccept ? Draining : null);
        if (!server.Options.IndependentThreads)
        {
            await Task.WhenAll(threads);
            await acceptor.DatagramsEndedAsync();
            acceptor.Close();
        }
        else
        {
            _ = acceptor.CloseLaterAsync();
        }

        void Dispatch(Listener listener, StreamSocket socket)
        {
            if (!queue.TryAdd(new Work(listener, socket), wait))
            {
                BlockingAcceptor.Refuse(server, listener, socket, stop.IsCancellationRequested ? RefuseReason.Draining : RefuseReason.QueueFull);
            }
        }

        void DispatchDatagram(ReceivedDatagram datagram)
        {
            if (!queue.TryAdd(new Work(datagram), wait))
            {
                datagram.Receiver.Drop(datagram, stop.IsCancellationRequested ? DropReason.Draining : DropReason.NoCapacity);
            }
        }

        void Draining(Work work)
        {
            if (work.Datagram is { } datagram)
            {
                datagram.Receiver.Drop(datagram, DropReason.Draining);
            }
            else
            {
                BlockingAcceptor.Refuse(server, work.Listener!, work.Socket!, RefuseReason.Draining);
            }
        }
    }

    private static void Serve(ServerContext server, WorkQueue<Work> queue)
    {
        while (queue.TryTake(out Work work))
        {
            if (work.Datagram is { } datagram)
            {
                datagram.Receiver.RunAndReturn(datagram);
            }
            else
            {
                server.Runner.Run(work.Listener!, work.Socket!);
            }
        }
    }

    // A connection, or a datagram.
    private readonly record struct Work(Listener? Listener, StreamSocket? Socket, ReceivedDatagram? Datagram = null)
    {
        public Work(ReceivedDatagram datagram)
            : this(null, null, datagram)
        {
        }
    }
}
