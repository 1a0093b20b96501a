using Sluice.Models;

namespace Sluice.ConformanceTests;

/// <summary>
/// Every model that shares memory with whoever made the server × every transport. A model or transport that is added later is in every behaviour with no new
/// test. The models whose handlers run in other processes have behaviours of their own (Processes), for a handler of a test cannot be seen from there.
/// </summary>
public static class Matrix
{
    private static readonly string[] TransportNames = ["tcp", "unix", "memory"];

    /// <summary>Every (model, transport).</summary>
    public static TheoryData<string, string> Cells => Pairs(TransportNames);

    /// <summary>Every model over the transports that the kernel knows.</summary>
    public static TheoryData<string, string> KernelCells => Pairs(["tcp", "unix"]);

    /// <summary>Every model over TCP: for what only TCP has, a reset above all.</summary>
    public static TheoryData<string, string> TcpCells => Pairs(["tcp"]);

    /// <summary>Every model over TCP by IPv4 and IPv6.</summary>
    public static TheoryData<string, string> InternetCells => Pairs(["tcp", "tcp6"]);

    /// <summary>Every model over memory, where accept errors come by script.</summary>
    public static TheoryData<string, string> MemoryCells => Pairs(["memory"]);

    /// <summary>
    /// The models whose handlers wait without a thread, over what the kernel knows: every loop, and <c>async</c> to compare them with.
    /// </summary>
    public static TheoryData<string, string> WaitingCells => Pairs(["tcp", "unix"], model => !model.Capabilities.Blocking);

    /// <summary>The same over TCP, where the transport makes no difference.</summary>
    public static TheoryData<string, string> WaitingTcpCells => Pairs(["tcp"], model => !model.Capabilities.Blocking);

    /// <summary>Every model over every transport of datagrams.</summary>
    public static TheoryData<string, string> DatagramCells => Pairs(["udp", "udp6", "unixgram", "unixgram-abstract"]);

    /// <summary>Every model over one transport of datagrams of each kind, for what is the same in the others.</summary>
    public static TheoryData<string, string> DatagramKindCells => Pairs(["udp", "unixgram"]);

    /// <summary>Every model over UDP by IPv4 and IPv6.</summary>
    public static TheoryData<string, string> UdpCells => Pairs(["udp", "udp6"]);

    /// <summary>Every model over UDP by IPv4.</summary>
    public static TheoryData<string, string> Udp4Cells => Pairs(["udp"]);

    /// <summary>Every model over Unix datagrams, by a file and by an abstract name.</summary>
    public static TheoryData<string, string> UnixDatagramCells => Pairs(["unixgram", "unixgram-abstract"]);

    /// <summary>Every model over Unix datagrams by a file.</summary>
    public static TheoryData<string, string> DatagramFileCells => Pairs(["unixgram"]);

    /// <summary>Every model, by name.</summary>
    public static TheoryData<string> Models => [.. ConcurrencyModels.All.Where(model => model.Capabilities.SharesMemory).Select(model => model.Name)];

    private static TheoryData<string, string> Pairs(string[] transports, Func<ConcurrencyModel, bool>? chosen = null)
    {
        var cells = new TheoryData<string, string>();
        foreach (ConcurrencyModel model in ConcurrencyModels.All.Where(model => model.Capabilities.SharesMemory && chosen?.Invoke(model) != false))
        {
            foreach (string transport in transports)
            {
                cells.Add(model.Name, transport);
            }
        }

        return cells;
    }
}

/// <summary>Tests that count the process's threads and descriptors, or measure: nothing runs beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
