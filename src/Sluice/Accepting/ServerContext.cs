using Sluice.Datagrams;
using Sluice.Diagnostics;
using Sluice.Transports;

namespace Sluice.Accepting;

/// <summary>What a running model is given by its server.</summary>
internal sealed class ServerContext
{
    /// <summary>Where connections come.</summary>
    public required IReadOnlyList<StreamListener> Listeners { get; init; }

    /// <summary>Where datagrams come.</summary>
    public IReadOnlyList<DatagramListener> Datagrams { get; init; } = [];

    /// <summary>Both, in the order of the URLs.</summary>
    public IReadOnlyList<Listener> Bound { get; init; } = [];

    public required SocketServerOptions Options { get; init; }

    public required ConnectionGate Gate { get; init; }

    public required ConnectionRunner Runner { get; init; }

    public required ServerEvents Events { get; init; }

    /// <summary>Where a loop shows its connections.</summary>
    public required ConnectionTable Table { get; init; }

    /// <summary>The type of the handler, for whoever reads a report.</summary>
    public required string HandlerName { get; init; }

    /// <summary>Ends when connections are served; set by a model that needs a while, before its RunAsync first waits.</summary>
    public Task Started { get; set; } = Task.CompletedTask;

    /// <summary>Replaces the workers, one after the other; null where there are none that live on. Set by the model.</summary>
    public Func<Task>? Restart { get; set; }

    /// <summary>Whether those who serve have moved since the last call; null where that cannot be told. Set by the model.</summary>
    public Func<bool>? Pulse { get; set; }

    /// <summary>
    /// Whether other processes go on accepting on the listeners when this server stops: whoever was accepted here is served then, and not refused, for nobody would
    /// know why. Set before the stop.
    /// </summary>
    public volatile bool OthersAccept;

    /// <summary>How many connections and datagrams to serve in all; null is no end.</summary>
    public int? AcceptBudget { get; init; }

    /// <summary>Datagrams taken, where there is a budget.</summary>
    public int DatagramsTaken { get; private set; }

    /// <summary>How many datagrams may be handled at once.</summary>
    public required Places DatagramPlaces { get; init; }

    /// <summary>Who calls the handler of datagrams; null where there is none.</summary>
    public DatagramRunner? DatagramRunner { get; init; }

    /// <summary>Whether another datagram may be taken.</summary>
    public bool HasBudget => AcceptBudget is not { } budget || DatagramsTaken < budget;

    /// <summary>How many of so many datagrams may be taken. Where there is a budget, one thread asks.</summary>
    public int AllowedOf(int wanted) => AcceptBudget is { } budget ? Math.Min(wanted, budget - DatagramsTaken) : wanted;

    /// <summary>So many were taken.</summary>
    public void TookDatagrams(int count)
    {
        if (AcceptBudget is not null)
        {
            DatagramsTaken += count;
        }
    }

    /// <summary>How long to wait for the first of them.</summary>
    public TimeSpan AcceptTimeout { get; init; } = Timeout.InfiniteTimeSpan;
}
