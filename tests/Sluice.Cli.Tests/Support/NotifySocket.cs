using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;

namespace Sluice.Cli.Tests.Support;

/// <summary>What systemd listens on for sd_notify(3), as the tests' own. It is read all the time, as systemd does: the kernel queues few datagrams.</summary>
internal sealed class NotifySocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly BlockingCollection<string> _assignments = [];

    /// <param name="variable">The value of NOTIFY_SOCKET: a path, or an abstract name behind an @.</param>
    public NotifySocket(string variable)
    {
        _socket.Bind(new UnixDomainSocketEndPoint(variable.StartsWith('@') ? '\0' + variable[1..] : variable));
        new Thread(Pump) { IsBackground = true }.Start();
    }

    /// <summary>Reads on until an assignment that begins with <paramref name="start"/>, and gives it; heartbeats and others before it are passed over.</summary>
    public string Until(string start, List<string>? passed = null)
    {
        long until = Environment.TickCount64 + (long)SluiceProcess.Patience.TotalMilliseconds;
        while (_assignments.TryTake(out string? assignment, (int)Math.Max(0, until - Environment.TickCount64)))
        {
            if (assignment.StartsWith(start, StringComparison.Ordinal))
            {
                return assignment;
            }

            passed?.Add(assignment);
        }

        throw new InvalidOperationException($"'{start}' never came");
    }

    public void Dispose() => _socket.Dispose();

    private void Pump()
    {
        byte[] message = new byte[4096];
        try
        {
            while (true)
            {
                foreach (string line in Encoding.UTF8.GetString(message, 0, _socket.Receive(message)).Split('\n'))
                {
                    _assignments.Add(line);
                }
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
