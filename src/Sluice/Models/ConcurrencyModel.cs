using Sluice.Accepting;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice.Models;

/// <summary>How accepted connections are served: the model owns the threads, loops or processes, and knows no transport.</summary>
public abstract class ConcurrencyModel
{
    private protected ConcurrencyModel()
    {
    }

    /// <summary>The word after <c>--model</c>.</summary>
    public abstract string Name { get; }

    /// <summary>What it is, as data.</summary>
    public abstract ModelCapabilities Capabilities { get; }

    /// <summary>Whether it serves this kind of transport with these options, or why not.</summary>
    public virtual ModelSupport Check(TransportKind kind, SocketServerOptions options) => ModelSupport.Supported;

    /// <summary>How many sockets of one address it can receive datagrams from, where an address can have several.</summary>
    internal virtual int DatagramSockets(SocketServerOptions options) => 1;

    /// <summary>Whether it may be given several datagrams of one sender as one, where the kernel has them so.</summary>
    internal virtual bool ReceivesTogether => true;

    /// <summary>The most connections the model wants at once, whatever descriptors allow; null is no wish.</summary>
    internal virtual int? MaxConnections => null;

    /// <summary>The most connections, and datagrams, that the model can have at once, whatever is asked for.</summary>
    internal virtual int HardMaximum(SocketServerOptions options) => int.MaxValue;

    /// <summary>Why the model cannot hand the socket of a connection to another process; null when it can.</summary>
    internal virtual string? WhyNoHandOver(SocketServerOptions options) => null;

    /// <summary>What serves in a worker process; null for a model that has none.</summary>
    internal virtual ConcurrencyModel? InWorker(SocketServerOptions options, WorkerRole role) => null;

    /// <summary>The maximum of connections of one of several workers; null is no share.</summary>
    internal virtual int? ShareOf(SocketServerOptions options, int worker) => null;

    /// <summary>Serves until <paramref name="stop"/> (or the accept budget) ends accepting and every handler has ended.</summary>
    internal abstract Task RunAsync(ServerContext server, CancellationToken stop);
}
