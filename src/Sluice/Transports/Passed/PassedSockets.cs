using System.Globalization;
using System.Net;
using Sluice.Native;

namespace Sluice.Transports.Passed;

/// <summary>
/// The sockets that systemd passed to this process, by the protocol of sd_listen_fds(3): LISTEN_FDS descriptors from 3 on, for the process LISTEN_PID,
/// with the names LISTEN_FDNAMES. Taken once; the variables are then gone, so that no process that is started from here takes them for its own.
/// </summary>
internal sealed class PassedSockets
{
    private const int First = 3; // SD_LISTEN_FDS_START
    private const string NoName = "unknown"; // what systemd calls a socket without FileDescriptorName=

    private static readonly Lazy<PassedSockets> OfThisProcess = new(() => Take(
        Environment.GetEnvironmentVariable, static name => Environment.SetEnvironmentVariable(name, null), Environment.ProcessId));

    private readonly List<(int Descriptor, string Name)> _left;

    private PassedSockets(List<(int Descriptor, string Name)> all) => _left = all;

    /// <summary>Those of this process.</summary>
    public static PassedSockets Own => OfThisProcess.Value;

    /// <summary>What was passed and no server has, by name.</summary>
    public IReadOnlyList<(int Descriptor, string Name)> Left => _left;

    /// <summary>Reads the variables; those of another process are left alone.</summary>
    public static PassedSockets Take(Func<string, string?> read, Action<string> remove, int process)
    {
        var all = new List<(int Descriptor, string Name)>();
        if (!int.TryParse(read("LISTEN_PID"), NumberStyles.None, CultureInfo.InvariantCulture, out int addressee) || addressee != process)
        {
            return new(all);
        }

        _ = int.TryParse(read("LISTEN_FDS"), NumberStyles.None, CultureInfo.InvariantCulture, out int count);
        string[] names = read("LISTEN_FDNAMES")?.Split(':') ?? [];
        Array.ForEach(["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"], remove);
        for (int i = 0; i < count; i++)
        {
            ListeningDescriptor.KeepFromChildren(First + i);
            all.Add((First + i, i < names.Length && names[i].Length > 0 ? names[i] : NoName));
        }

        return new(all);
    }

    /// <summary>All of that name; none is left of them.</summary>
    public IReadOnlyList<int> TakeNamed(string name)
    {
        lock (_left)
        {
            int[] found = [.. _left.Where(one => one.Name == name).Select(one => one.Descriptor)];
            _left.RemoveAll(one => one.Name == name);
            return found;
        }
    }

    /// <summary>What comes at the sockets of that name; null where that differs, or nothing is left.</summary>
    public TransportKind? KindOf(string name)
    {
        lock (_left)
        {
            TransportKind?[] kinds = [.. _left.Where(one => one.Name == name).Select(one => KindOf(one.Descriptor)).Distinct()];
            return kinds is [var only] ? only : null;
        }
    }

    /// <summary>What comes at a descriptor; null where it is nothing to serve.</summary>
    public static TransportKind? KindOf(int descriptor) => ListeningDescriptor.Complaint(descriptor) is not null ? null
        : ListeningDescriptor.IsOfDatagrams(descriptor) ? TransportKind.Datagram
        : TransportKind.Stream;

    /// <summary>That number is a server's now.</summary>
    public void TakeNumber(int descriptor)
    {
        lock (_left)
        {
            _left.RemoveAll(one => one.Descriptor == descriptor);
        }
    }

    /// <summary>The listener of a descriptor, or SLU0012. Whoever has passed it keeps it, so that its end here is not the socket's.</summary>
    public static Listener Listen(SocketAddressUrl askedFor, int descriptor)
    {
        if (ListeningDescriptor.Complaint(descriptor) is { } complaint)
        {
            throw new SluiceException(ErrorIds.NotAListeningSocket,
                $"cannot listen on {askedFor}: descriptor {descriptor} cannot be served: {complaint}; pass a socket of TCP or Unix that listens (ListenStream= in systemd), or one of UDP or Unix datagrams that is bound (ListenDatagram=)");
        }

        EndPoint endPoint = ListeningDescriptor.LocalEndPointOf(descriptor)!;
        return ListeningDescriptor.IsOfDatagrams(descriptor)
            ? DatagramListener.Adopt(SocketAddressUrl.Of(endPoint, TransportKind.Datagram), descriptor)
            : KernelListener.Adopt(SocketAddressUrl.Of(endPoint, TransportKind.Stream), descriptor);
    }
}
