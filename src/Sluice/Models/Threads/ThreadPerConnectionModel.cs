using System.Globalization;
using Sluice.Accepting;
using Sluice.Datagrams;
using Sluice.Diagnostics;
using Sluice.Transports;

namespace Sluice.Models.Threads;

/// <summary>A new thread per connection. socketserver's ThreadingMixIn, with a maximum.</summary>
internal sealed class ThreadPerConnectionModel : ConcurrencyModel
{
    // Beyond this the scheduler and the stacks cost more than the connections are worth; say a larger number to have it.
    private const int DefaultMaximum = 10_000;

    public override string Name => "thread";

    public override ModelCapabilities Capabilities { get; } = new()
    {
        Summary = "a new thread per connection",
        Concurrent = true,
        BlockingHandlerSafe = true,
        SharesMemory = true,
        CrashContained = false,
        MultiCore = true,
        Blocking = true,
        NeedsDescriptor = false,
    };

    internal override int? MaxConnections => DefaultMaximum;

    internal override async Task RunAsync(ServerContext server, CancellationToken stop)
    {
        var running = new RunningCount();
        int last = 0;
        var acceptor = new BlockingAcceptor(server);
        await OwnThread.RunAsync("sluice-acceptor", server.Options, () => acceptor.Run(Dispatch, DispatchDatagram, stop));
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
            if (!TryStart(() => server.Runner.Run(listener, socket)))
            {
                BlockingAcceptor.Refuse(server, listener, socket, RefuseReason.NoThread);
            }
        }

        void DispatchDatagram(ReceivedDatagram datagram)
        {
            if (!TryStart(() => datagram.Receiver.RunAndReturn(datagram)))
            {
                datagram.Receiver.Drop(datagram, DropReason.NoCapacity);
            }
        }

        bool TryStart(Action serve)
        {
            running.Add();
            try
            {
                OwnThread.Start("sluice-" + (++last).ToString(CultureInfo.InvariantCulture), server.Options, () =>
                {
                    serve();
                    running.Remove();
                });
                return true;
            }
            catch (OutOfMemoryException)
            {
                // Thread.Start says so when the system has no thread, no memory or no descriptor for one: this one only.
                running.Remove();
                return false;
            }
        }
    }
}
