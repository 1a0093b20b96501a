using System.Net.Sockets;
using System.Text;

namespace Sluice.Cli.Tests.Support;

/// <summary>What systemd listens on for sd_notify(3), as the tests' own.</summary>
internal sealed class NotifySocket : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly Queue<string> _assignments = new();

    /// <param name="variable">The value of NOTIFY_SOCKET: a path, or an abstract name behind an @.</param>
    public NotifySocket(string variable)
    {
        _socket.Bind(new UnixDomainSocketEndPoint(variable.StartsWith('@') ? '\0' + variable[1..] : variable));
        _socket.ReceiveTimeout = (int)SluiceProcess.Patience.TotalMilliseconds;
    }

    /// <summary>Reads on until an assignment that begins with <paramref name="start"/>, and gives it; heartbeats and others before it are passed over.</summary>
    public string Until(string start, List<string>? passed = null)
    {
        byte[] message = new byte[4096];
        while (true)
        {
            while (_assignments.TryDequeue(out string? assignment))
            {
                if (assignment.StartsWith(start, StringComparison.Ordinal))
                {
                    return assignment;
                }

                passed?.Add(assignment);
            }

            foreach (string line in Encoding.UTF8.GetString(message, 0, _socket.Receive(message)).Split('\n'))
            {
                _assignments.Enqueue(line);
            }
        }
    }

    public void Dispose() => _socket.Dispose();
}
