using Sluice.Transports;

namespace Sluice;

/// <summary>Datagrams that a server has seen since it began, in this process.</summary>
/// <param name="Received">Those that were received, dropped ones of <paramref name="Dropped"/> included.</param>
/// <param name="Sent">Those that the system took.</param>
/// <param name="Truncated">Received ones that were longer than <see cref="DatagramOptions.MaxSize"/>.</param>
/// <param name="NotSent">Those that the system did not take.</param>
/// <param name="DroppedByKernel">Those that came while the kernel's buffer was full. It tells with the next one that it receives.</param>
/// <param name="Dropped">Received ones that no handler saw.</param>
public readonly record struct DatagramTotals(long Received, long Sent, long Truncated, long NotSent, long DroppedByKernel, long Dropped)
{
    internal static DatagramTotals Of(IEnumerable<Listener> listeners)
    {
        DatagramTotals totals = default;
        foreach (DatagramTraffic traffic in listeners.OfType<DatagramListener>().Select(listener => listener.Traffic))
        {
            totals = new(
                totals.Received + traffic.Received, totals.Sent + traffic.Sent, totals.Truncated + traffic.Truncated,
                totals.NotSent + traffic.NotSent, totals.DroppedByKernel + traffic.DroppedByKernel, totals.Dropped + traffic.DroppedHere);
        }

        return totals;
    }
}
