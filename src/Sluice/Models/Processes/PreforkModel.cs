using Sluice.Accepting;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models.Processes;

/// <summary>Worker processes that live on and share the listeners, each serving with any other model inside.</summary>
internal sealed class PreforkModel : ConcurrencyModel
{
    public override string Name => "prefork";

    public override ModelCapabilities Capabilities { get; } = new()
    {
        Summary = "worker processes share the listeners, each with another model inside; a crash harms the connections of one",
        Concurrent = true,
        BlockingHandlerSafe = false,
        SharesMemory = false,
        CrashContained = true,
        MultiCore = true,
        Blocking = false,
        NeedsDescriptor = true,
    };

    public override ModelSupport Check(TransportKind kind, SocketServerOptions options)
    {
        if (base.Check(kind, options) is { IsSupported: false } refused)
        {
            return refused;
        }

        ConcurrencyModel inner = InnerOf(options);
        string? reason = !inner.Capabilities.SharesMemory ? $"the workers of prefork cannot serve with {inner.Name} themselves; use another model inside (--inner epoll)"
            : options.Limits.MaxConnectionsPerSource is not null ? "the workers of prefork do not know each other's connections, so a maximum per source cannot be kept; leave it out, or use another model"
            : options.Limits.MaxConnections < CountFor(options) ? $"{options.Limits.MaxConnections} connections cannot be divided among {CountFor(options)} workers; use fewer workers (--workers)"
            : options.IndependentThreads ? "the model prefork has no threads that could be independent; leave IndependentThreads out"
            : null;
        return reason is null ? inner.Check(kind, options) : ModelSupport.Refused(ErrorIds.OptionNotHonoured, reason);
    }

    internal override string? WhyNoHandOver(SocketServerOptions options) => InnerOf(options).WhyNoHandOver(options) is { } reason
        ? $"{reason}, and its workers serve with it (--inner thread does not)"
        : null;

    internal override ConcurrencyModel InWorker(SocketServerOptions options, WorkerRole role) => InnerOf(options);

    /// <summary>The part of the maximum that a worker may have: the first ones one more where it cannot be divided.</summary>
    internal override int? ShareOf(SocketServerOptions options, int worker) =>
        options.Limits.MaxConnections is { } most ? (most / CountFor(options)) + (worker < most % CountFor(options) ? 1 : 0) : null;

    internal override async Task RunAsync(ServerContext server, CancellationToken stop)
    {
        if (server.AcceptBudget is not null)
        {
            throw new SluiceException(ErrorIds.WrongState, "the workers of prefork accept by themselves, so one connection cannot be asked for; use another model with HandleOneAsync");
        }

        using var supervisor = new Supervisor(server);
        var crew = new PreforkCrew(server, supervisor, CountFor(server.Options));
        server.Started = crew.AllReady.Task;
        server.Restart = crew.RestartAsync;
        server.Table.Attach(crew);
        server.Table.Workers = crew;
        Task supervising = OwnThread.RunAsync("sluice-supervisor", server.Options, () => supervisor.Run(crew));
        await using CancellationTokenRegistration stopping = stop.UnsafeRegister(static crew => ((PreforkCrew)crew!).Stop(), crew);
        try
        {
            await crew.AllReady.Task;
        }
        catch
        {
            crew.Stop();
            crew.Cut();
            throw;
        }
        finally
        {
            await supervising;
            server.Table.Detach(crew);
        }
    }

    private static ConcurrencyModel InnerOf(SocketServerOptions options) =>
        options.Workers.Inner == "auto" && options.Sockets.PassDescriptors ? ConcurrencyModels.AutoForDescriptors : ConcurrencyModels.Find(options.Workers.Inner);

    private static int CountFor(SocketServerOptions options) => options.Workers.Count ?? Environment.ProcessorCount;
}
