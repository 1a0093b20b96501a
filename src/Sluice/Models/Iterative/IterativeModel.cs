using Sluice.Accepting;

namespace Sluice.Models.Iterative;

/// <summary>One connection to its end, then the next, all on the accepting thread. socketserver's plain TCPServer.</summary>
internal sealed class IterativeModel : ConcurrencyModel
{
    public override string Name => "iterative";

    public override ModelCapabilities Capabilities { get; } = new()
    {
        Summary = "the accepting thread serves one connection to its end, then the next",
        Concurrent = false,
        BlockingHandlerSafe = true,
        SharesMemory = true,
        CrashContained = false,
        MultiCore = false,
        Blocking = true,
        NeedsDescriptor = false,
    };

    internal override Task RunAsync(ServerContext server, CancellationToken stop) => OwnThread.RunAsync("sluice-iterative", server.Options, () =>
    {
        var acceptor = new BlockingAcceptor(server);
        acceptor.Run(server.Runner.Run, dispatchDatagram: null, stop);
        if (!server.Options.IndependentThreads)
        {
            acceptor.DatagramsEndedAsync().GetAwaiter().GetResult();
        }

        acceptor.Close();
    });
}
