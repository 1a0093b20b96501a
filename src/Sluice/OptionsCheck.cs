using Sluice.Models;
using Sluice.Requests;
using Sluice.Restarting;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice;

/// <summary>Refuses, when the server is built, what cannot work.</summary>
internal static class OptionsCheck
{
    // Each loop is a thread, and has buffers and descriptors of its own: a number beyond this is a slip of the hand.
    private const int MostLoops = 1024;
    private const int MostWorkers = 8192;
    private const int MostDatagram = 16 * 1024 * 1024; // a Unix socket's may be as long as its send buffer
    private const long LeastHeap = 4 * 1024 * 1024; // the runtime does not start with less

    public static ServedAddress[] Check(SocketServerOptions options, ServerHandlers handlers, ConcurrencyModel model)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new SluiceException(ErrorIds.PlatformNotServed, "this build of Sluice serves on Linux only");
        }

        if (options.Listen.Count == 0)
        {
            throw new SluiceException(ErrorIds.NothingToListenOn, "the server has no address; give it one, as in tcp://127.0.0.1:9000");
        }

        CheckRanges(options);
        ServedAddress[] addresses = [.. options.Listen.Select(text => CheckAddress(text, options, handlers, model))];
        ConcurrencyModel[] models = [.. addresses.Select(address => address.Model).Distinct()];
        Array.ForEach(models, one => CheckState(handlers.SharesState, one));
        if (models.Count(one => !one.Capabilities.SharesMemory) > 1)
        {
            throw new SluiceException(ErrorIds.ModelsDoNotMix, $"one server cannot have several models with worker processes ({string.Join(", ", models.Where(one => !one.Capabilities.SharesMemory).Select(one => one.Name))}); use one of them, or two servers");
        }

        if (handlers.HandsOver)
        {
            Array.ForEach(models, one => CheckHandOver(options, one, addresses));
        }

        return addresses;
    }

    /// <summary>Whether what a handler serves shares memory. Of a handler that only calls another, that one is asked.</summary>
    public static bool SharesState(object handler) =>
        Attribute.IsDefined((handler is IHandlerAdapter adapter ? adapter.Handler : handler).GetType(), typeof(SharesStateAttribute));

    /// <summary>Refuses a handler whose connections would not find each other.</summary>
    public static void CheckState(bool sharesState, ConcurrencyModel model)
    {
        if (sharesState && !model.Capabilities.SharesMemory)
        {
            throw new SluiceException(ErrorIds.StateNotShared,
                $"the handler shares state between its connections ([SharesState]), and those of the model {model.Name} are in different processes; use a model that shares memory: thread, epoll, async");
        }
    }

    /// <summary>Refuses what a handler that hands the socket to another process cannot have.</summary>
    public static void CheckHandOver(SocketServerOptions options, ConcurrencyModel model, ServedAddress[] addresses)
    {
        if (model.WhyNoHandOver(options) is { } reason)
        {
            throw new SluiceException(ErrorIds.CannotHandOver, $"the model {model.Name} cannot hand a connection to a program: {reason}; use another model, such as thread");
        }

        if (Array.Find(addresses, address => !address.Transport.CanHandOver)?.Url is { } url)
        {
            throw new SluiceException(ErrorIds.CannotHandOver,
                $"a connection of {url} cannot be handed to a program: its bytes are not those of a socket; use tcp:// or unix://");
        }

        ServerLimits limits = options.Limits;
        string? limit = limits.IdleTimeout is not null ? "idle timeout"
            : limits.FirstByteTimeout is not null ? "first-byte timeout"
            : limits.MinRate is not null ? "min rate"
            : limits.WriteTimeout is not null && limits.WriteTimeout != new ServerLimits().WriteTimeout ? "write timeout"
            : null;
        if (limit is not null)
        {
            throw new SluiceException(ErrorIds.OptionNotHonoured,
                $"the {limit} cannot be kept: the program has the socket, and its bytes are not seen here; leave it out (a lifetime and the maximum of connections are kept)");
        }
    }

    /// <summary>What comes at an address has no handler.</summary>
    public static SluiceException NoHandlerFor(SocketAddressUrl url, TransportKind kind) => new(ErrorIds.NoHandlerForKind, kind == TransportKind.Datagram
        ? $"cannot serve {url}: datagrams come there, and the server has no handler of datagrams; give it one (HandleDatagrams), or listen on tcp:// or unix://"
        : $"cannot serve {url}: connections come there, and the server has no handler of connections; give it one (Handle), or listen on udp:// or unixgram://");

    /// <summary>The model of that name; <c>auto</c> is what suits the handlers and the options.</summary>
    public static ConcurrencyModel ModelOf(string name, SocketServerOptions options, ServerHandlers handlers, bool hasDescriptors) =>
        name is not "auto" ? ConcurrencyModels.Find(name)
        : handlers.HandsOver ? ConcurrencyModels.AutoForPrograms
        : !hasDescriptors ? ConcurrencyModels.AutoWithoutDescriptors
        : options.Sockets.PassDescriptors ? ConcurrencyModels.AutoForDescriptors
        : ConcurrencyModels.Auto;

    /// <summary>Whether all of the server's listeners will have descriptors. What is no address is left to <see cref="Check"/>.</summary>
    public static bool HasDescriptors(SocketServerOptions options) =>
        !options.Listen.Any(text => BuiltInTransports.All.Any(transport => !transport.HasDescriptor && text.StartsWith(transport.Scheme + "://", StringComparison.OrdinalIgnoreCase)));

    private static ServedAddress CheckAddress(string text, SocketServerOptions options, ServerHandlers handlers, ConcurrencyModel model)
    {
        (string address, string? name) = ServedAddress.Split(text);
        SocketAddressUrl url = SocketAddressUrl.Parse(address);
        Transport transport = BuiltInTransports.For(url);
        model = name is null ? model : ModelOf(name, options, handlers, transport.HasDescriptor);
        TransportKind kind = KindOf(url, transport)
            ?? (handlers.Connections is not null ? TransportKind.Stream : TransportKind.Datagram); // it is checked when the socket is there
        model.Check(kind, options).ThrowIfRefused();
        if (model.Capabilities.NeedsDescriptor && !transport.HasDescriptor)
        {
            throw new SluiceException(ErrorIds.NoDescriptor,
                $"the model {model.Name} watches descriptors and {url} has none; use tcp:// or unix://, or a model that does not: thread, async");
        }

        UnixSockets.CheckMode(url, options.Sockets);
        return handlers.Serve(kind) ? new(url, transport, model) : throw NoHandlerFor(url, kind);
    }

    // What was passed to this program is not where it was in its workers, nor in a process that replaces it: there it comes from the one that has checked it.
    private static TransportKind? KindOf(SocketAddressUrl url, Transport transport) =>
        transport.IsForeign && (WorkerRole.Current is not null || UpgradeRole.Current is not null) ? null : transport.KindOf(url);

    private static void CheckRanges(SocketServerOptions options)
    {
        ServerLimits limits = options.Limits;
        AtLeast("max connections", limits.MaxConnections, 1);
        AtLeast("max connections per source", limits.MaxConnectionsPerSource, 1);
        AtLeast("min rate (bytes per second)", limits.MinRate, 1);
        AtLeast("max unread (bytes)", limits.MaxUnread, 1);
        AtLeast("max send queue (bytes)", limits.MaxSendQueue, 0);
        AtLeast("threads", options.Threads, 1);
        AtLeast("queue", options.Queue, 0);
        AtLeast("loops", options.Loops, 1);
        if (options.Loops > MostLoops)
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, $"loops cannot be {options.Loops}: the most is {MostLoops}; one per core is enough");
        }

        AtLeast("max size of a datagram (bytes)", options.Datagrams.MaxSize, 1);
        AtLeast("max concurrent datagrams", options.Datagrams.MaxConcurrent, 1);
        AtLeast("receive buffer (bytes)", options.Datagrams.ReceiveBuffer, 1);
        AtLeast("send buffer (bytes)", options.Datagrams.SendBuffer, 1);
        Positive("send timeout", options.Datagrams.SendTimeout);
        if (options.Datagrams.MaxSize > MostDatagram)
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, $"the max size of a datagram cannot be {options.Datagrams.MaxSize}: the most is {MostDatagram}");
        }

        CheckWorkers(options.Workers);
        AtLeast("backlog", options.Sockets.Backlog, 1);
        AtLeast("thread stack size (bytes)", options.ThreadStackSize, 0);
        Positive("idle timeout", limits.IdleTimeout);
        Positive("first-byte timeout", limits.FirstByteTimeout);
        Positive("lifetime", limits.Lifetime);
        Positive("write timeout", limits.WriteTimeout);
        Positive("min rate window", limits.MinRateWindow);
        Positive("loop max wait", options.LoopMaxWait);
        Positive("loop blocked after", options.LoopBlockedAfter);
        if (options.Drain < TimeSpan.Zero || options.Linger < TimeSpan.Zero)
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, "drain and linger cannot be negative; use 0s for none");
        }
    }

    private static void CheckWorkers(WorkerOptions workers)
    {
        AtLeast("workers", workers.Count, 1);
        AtLeast("max workers", workers.Most, 1);
        AtLeast("standby workers", workers.Standby, 1);
        AtLeast("least standby workers", workers.StandbyLow, 1);
        AtLeast("connections of a worker", workers.MaxConnections, 1);
        AtLeast("memory of a worker (bytes)", workers.MaxMemory, 1);
        AtLeast("heap limit of a worker (bytes)", workers.HeapLimit, LeastHeap);
        Positive("processor time of a worker", workers.ProcessorTimeLimit);
        Positive("time until a worker hangs", workers.HangsAfter);
        Positive("time until a worker is ready", workers.ReadyWithin);
        if (workers.Count > MostWorkers || workers.Most > MostWorkers)
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, $"workers cannot be {Math.Max(workers.Count ?? 0, workers.Most)}: the most is {MostWorkers}");
        }
    }

    private static void AtLeast(string name, long? value, long least)
    {
        if (value < least)
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, $"{name} cannot be {value}: the least is {least}");
        }
    }

    private static void Positive(string name, TimeSpan? value)
    {
        if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(365))
        {
            throw new SluiceException(ErrorIds.OptionOutOfRange, $"{name} cannot be {value}: it is more than 0 and at most 365 days; leave it out to turn it off");
        }
    }
}
