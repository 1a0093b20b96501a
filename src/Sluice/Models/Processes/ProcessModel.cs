using Sluice.Accepting;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>
/// A fresh process per connection, and per datagram. socketserver's ForkingMixIn, without fork(2), which a managed runtime does not survive: the program is started again
/// beforehand, and is passed the accepted descriptor; or a datagram, and the socket's own to answer by.
/// </summary>
internal sealed class ProcessModel : ConcurrencyModel
{
    public override string Name => "process";

    public override ModelCapabilities Capabilities { get; } = new()
    {
        Summary = "a fresh process per connection or datagram, started beforehand; a crash harms that one",
        Concurrent = true,
        BlockingHandlerSafe = true,
        SharesMemory = false,
        CrashContained = true,
        MultiCore = true,
        Blocking = true,
        NeedsDescriptor = true,
    };

    public override ModelSupport Check(TransportKind kind, SocketServerOptions options) =>
        options.IndependentThreads ? ModelSupport.Refused(ErrorIds.OptionNotHonoured, "the model process has no threads that could be independent; leave IndependentThreads out")
        : ModelSupport.Supported;

    /// <summary>Each by itself: what nobody can serve yet is best left in the kernel's queue.</summary>
    internal override bool ReceivesTogether => false;

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
        CancellationToken cut = server.DatagramRunner?.Stopping.Token ?? default;
        await using CancellationTokenRegistration cutting = cut.UnsafeRegister(static crew => ((StandbyCrew)crew!).Cut(), crew);
        var acceptor = new BlockingAcceptor(server, datagramsAtOnce: 1);
        try
        {
            await crew.FirstReady.Task;
            await OwnThread.RunAsync("sluice-acceptor", server.Options, () => acceptor.Run(crew.Serve, crew.Serve, stop));
        }
        finally
        {
            crew.Close();
            await supervising;
            acceptor.Close();
            server.Table.Detach(crew);
        }
    }
}
