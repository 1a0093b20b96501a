using Sluice.Accepting;
using Sluice.Looping;

namespace Sluice.Models.Readiness;

/// <summary>select, poll and epoll: the same loop over another poller.</summary>
internal abstract class ReadinessModel(string name, string summary) : ConcurrencyModel
{
    public sealed override string Name => name;

    public sealed override ModelCapabilities Capabilities { get; } = new()
    {
        Summary = summary,
        Concurrent = true,
        BlockingHandlerSafe = false,
        SharesMemory = true,
        CrashContained = false,
        MultiCore = true,
        Blocking = false,
        NeedsDescriptor = true,
    };

    internal sealed override int DatagramSockets(SocketServerOptions options) => LoopGroup.CountFor(options);

    internal sealed override Task RunAsync(ServerContext server, CancellationToken stop) =>
        LoopGroup.RunAsync(server, (index, group) => new EventLoop(index, group, server, NewPoller()), stop);

    private protected abstract Poller NewPoller();
}

/// <summary>One call with three sets of bits, copied in, scanned and copied out every time.</summary>
internal sealed class SelectModel() : ReadinessModel("select", "a loop asks select(2) which sockets are ready; costs grow with all that are watched")
{
    private protected override Poller NewPoller() => new SelectPoller();
}

/// <summary>One call with an array of descriptors.</summary>
internal sealed class PollModel() : ReadinessModel("poll", "a loop asks poll(2) which sockets are ready; costs grow with all that are watched")
{
    private protected override Poller NewPoller() => new PollPoller();
}

/// <summary>The kernel keeps the list.</summary>
internal sealed class EpollModel() : ReadinessModel("epoll", "a loop asks epoll(7) which sockets are ready; costs grow with those that are")
{
    private protected override Poller NewPoller() => new EpollPoller();
}
