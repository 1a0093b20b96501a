using Microsoft.AspNetCore.Connections;
using Sluice.Models;
using Sluice.Transports;

namespace Sluice;

/// <summary>Refuses, when the server is built, what cannot work.</summary>
internal static class OptionsCheck
{
    // Each loop is a thread, and has buffers and descriptors of its own: a number beyond this is a slip of the hand.
    private const int MostLoops = 1024;
    private const int MostWorkers = 8192;
    private const long LeastHeap = 4 * 1024 * 1024; // the runtime does not start with less

    public static (SocketAddressUrl Url, Transport Transport)[] Check(SocketServerOptions options, ConcurrencyModel model)
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
        return [.. options.Listen.Select(text => CheckAddress(text, options, model))];
    }

    /// <summary>Whether the connections of a handler share memory.</summary>
    public static bool SharesState(ConnectionHandler handler) => Attribute.IsDefined(handler.GetType(), typeof(SharesStateAttribute));

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
    public static void CheckHandOver(SocketServerOptions options, ConcurrencyModel model, (SocketAddressUrl Url, Transport Transport)[] addresses)
    {
        if (model.WhyNoHandOver(options) is { } reason)
        {
            throw new SluiceException(ErrorIds.CannotHandOver, $"the model {model.Name} cannot hand a connection to a program: {reason}; use another model, such as thread");
        }

        if (Array.Find(addresses, address => !address.Transport.CanHandOver).Url is { } url)
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

    /// <summary>Whether all of the server's listeners will have descriptors. What is no address is left to <see cref="Check"/>.</summary>
    public static bool HasDescriptors(SocketServerOptions options) =>
        !options.Listen.Any(text => BuiltInTransports.All.Any(transport => !transport.HasDescriptor && text.StartsWith(transport.Scheme + "://", StringComparison.OrdinalIgnoreCase)));

    private static (SocketAddressUrl Url, Transport Transport) CheckAddress(string text, SocketServerOptions options, ConcurrencyModel model)
    {
        SocketAddressUrl url = SocketAddressUrl.Parse(text);
        Transport transport = BuiltInTransports.For(url);
        model.Check(transport.Kind, options).ThrowIfRefused();
        if (model.Capabilities.NeedsDescriptor && !transport.HasDescriptor)
        {
            throw new SluiceException(ErrorIds.NoDescriptor,
                $"the model {model.Name} watches descriptors and {url} has none; use tcp:// or unix://, or a model that does not: thread, async");
        }

        UnixSockets.CheckMode(url, options.Sockets);
        return (url, transport);
    }

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
