using System.Globalization;
using Sluice.Diagnostics;
using Sluice.Models;
using Sluice.Native;

namespace Sluice;

/// <summary>
/// How many connections fit into RLIMIT_NOFILE. A .NET process that runs out of descriptors does not merely fail to accept: it cannot start
/// threads and may abort, so 64 always stay spare.
/// </summary>
internal static class DescriptorRoom
{
    private const int Spare = 64;

    public static int Maximum(SocketServerOptions options, IReadOnlyList<ConcurrencyModel> models, ServerEvents events, bool handsOver)
    {
        long limit = ResourceLimits.MaxDescriptors();
        int open = ResourceLimits.OpenDescriptors();
        int most = models.Min(model => model.HardMaximum(options));
        int each = handsOver || most < int.MaxValue ? 2 : 1; // the socket, and the pidfd of the program that has it; or a worker's link and pidfd
        int fits = (int)Math.Max(1, (limit - Spare - open) / each);
        int wanted = options.Limits.MaxConnections ?? Math.Min(fits, models.Min(model => model.MaxConnections ?? int.MaxValue));
        int maximum = Math.Min(Math.Min(wanted, fits), most);
        events.RaiseNoticed(maximum == most
            ? Line($"at most {maximum} connections, each with a worker process of its own (--max-workers)")
            : wanted > fits
            ? Line($"at most {maximum} connections, not {wanted}: RLIMIT_NOFILE {limit} - {Spare} spare - {open} open; raise it (ulimit -n) to have more")
            : Line($"at most {maximum} connections (RLIMIT_NOFILE {limit} - {Spare} spare - {open} open leave room for {fits})"));
        return maximum;
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
