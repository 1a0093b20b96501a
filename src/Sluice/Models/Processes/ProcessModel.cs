using Sluice.Accepting;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>
/// A fresh process per connection. socketserver's ForkingMixIn, without fork(2), which a managed runtime does not survive: the program is started again
/// beforehand, and the accepted descriptor is passed to it.
/// </summary>
internal sealed class ProcessModel : ConcurrencyModel
{
    public override string Name => "process";

    public override ModelCapabilities Capabilities { get; } = new()
    {
        Summary = "a fresh process per connection, started beforehand; a crash harms one connection",
        Concurrent = true,
        BlockingHandlerSafe = true,
        SharesMemory = false,
        CrashContained = true,
        MultiCore = true,
        Blocking = true,
        NeedsDescriptor = true,
    };

    public override ModelSupport Check(TransportKind kind, SocketServerOptions options) =>
        kind == TransportKind.Datagram ? ModelSupport.Refused(ErrorIds.KindNotServed, "the model process does not serve datagrams in this build") // TODO
        : options.IndependentThreads ? ModelSupport.Refused(ErrorIds.OptionNotHonoured, "the model process has no threads that could be independent; leave IndependentThreads out")
        : ModelSupport.Supported;

    internal override int HardMaximum(SocketServerOptions options) => options.Workers.Most;

    internal override ConcurrencyModel InWorker(SocketServerOptions options, WorkerRole role) => new PassedModel(role);

    internal override async Task RunAsync(ServerContext server, CancellationToken stop)
    {
        using var supervisor = new Supervisor(server);
        var crew = new StandbyCrew(server, supervisor);
        server.Started = crew.FirstReady.Task;
        server.Table.Attach(crew);
        Task supervising = OwnThread.RunAsync("sluice-supervisor", server.Options, () => supervisor.Run(crew));
        await using CancellationTokenRegistration stopping = stop.UnsafeRegister(static crew => ((StandbyCrew)crew!).Stop(), crew);
        try
        {
            await crew.FirstReady.Task;
            await OwnThread.RunAsync("sluice-acceptor", server.Options, () => new BlockingAcceptor(server).Run(crew.Serve, dispatchDatagram: null, stop));
        }
        finally
        {
            crew.Close();
            await supervising;
            server.Table.Detach(crew);
        }
    }
}
