using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Sluice.Diagnostics;

namespace Sluice;

/// <summary>
/// Tells systemd (or whoever else speaks sd_notify(3)) how a server fares: ready, reloading, stopping, its main process, a status line, and, if asked for, a
/// heartbeat. For units of <c>Type=notify</c>.
/// </summary>
public sealed class SystemdNotifier : IDisposable
{
    private const string Address = "NOTIFY_SOCKET";
    private const int SendTimeout = 1000; // milliseconds: systemd reads quickly, and nobody may wait for it for long

    private readonly SocketServer _server;
    private readonly UnixDomainSocketEndPoint _to;
    private readonly Lock _sending = new();
    private readonly Timer? _heart;
    private bool _isOver; // the unit is another process's now

    private SystemdNotifier(SocketServer server, UnixDomainSocketEndPoint to)
    {
        _server = server;
        _to = to;
        server.Events.Started += OnStarted;
        server.Events.Restart += OnRestart;
        server.Events.StateChanged += OnState;
        if (Heartbeat(Environment.GetEnvironmentVariable, Environment.ProcessId) is { } interval)
        {
            _heart = new Timer(Beat, state: null, interval, interval);
        }
    }

    /// <summary>Tells of <paramref name="server"/> from now on. To be called before it starts.</summary>
    /// <returns>Null when nobody wants to be told: NOTIFY_SOCKET is not set, or is of a kind that this does not speak (vsock).</returns>
    public static SystemdNotifier? Attach(SocketServer server)
    {
        ArgumentNullException.ThrowIfNull(server);
        return Environment.GetEnvironmentVariable(Address) switch
        {
            ['/', ..] path => new SystemdNotifier(server, new UnixDomainSocketEndPoint(path)),
            ['@', .. var name] => new SystemdNotifier(server, new UnixDomainSocketEndPoint('\0' + name)),
            _ => null,
        };
    }

    /// <summary>Half of the time after which systemd takes a silent process for hung; null when it does not watch this one. sd_watchdog_enabled(3).</summary>
    internal static TimeSpan? Heartbeat(Func<string, string?> read, int process)
    {
        bool isMeant = read("WATCHDOG_PID") is not { Length: > 0 } addressee || addressee == process.ToString(CultureInfo.InvariantCulture);
        return isMeant && long.TryParse(read("WATCHDOG_USEC"), NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds) && microseconds > 1
            ? TimeSpan.FromMicroseconds(microseconds / 2)
            : null;
    }

    /// <summary>Sets the line that <c>systemctl status</c> shows. From any thread.</summary>
    public void Status(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        Send($"STATUS={line.ReplaceLineEndings(" ")}");
    }

    /// <summary>Tells no more.</summary>
    public void Dispose()
    {
        _server.Events.Started -= OnStarted;
        _server.Events.Restart -= OnRestart;
        _server.Events.StateChanged -= OnState;
        _heart?.Dispose();
    }

    private void OnStarted() => Send($"READY=1\nMAINPID={Environment.ProcessId}\nSTATUS=serving {string.Join(", ", _server.LocalUrls)} with {_server.Model.Name}");

    private void OnRestart(RestartStep step)
    {
        switch (step.Phase)
        {
            case RestartPhase.WorkersBegun or RestartPhase.UpgradeBegun:
                // CLOCK_MONOTONIC, which is what Stopwatch reads on Linux.
                long microseconds = Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000);
                Send($"RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS={(step.Phase == RestartPhase.WorkersBegun ? "replacing the workers" : "starting a new process")}");
                break;
            case RestartPhase.HandedOver:
                Send($"MAINPID={step.ProcessId}\nSTATUS=handed over to {step.ProcessId}");
                lock (_sending)
                {
                    _isOver = true; // the new process says READY=1; this one's end is not the unit's
                }

                break;
            default:
                if (_server.State == ServerState.Listening)
                {
                    OnStarted(); // it goes on as before
                }

                break;
        }
    }

    private void OnState(ServerState state)
    {
        if (state == ServerState.Draining)
        {
            Send($"STOPPING=1\nSTATUS=draining {_server.Connections} connections");
        }
    }

    private void Beat(object? state)
    {
        if (_server.ShowsLife())
        {
            Send("WATCHDOG=1");
        }
    }

    private void Send(FormattableString state) => Send(state.ToString(CultureInfo.InvariantCulture));

    private void Send(string state)
    {
        lock (_sending)
        {
            if (_isOver)
            {
                return;
            }

            try
            {
                using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { SendTimeout = SendTimeout };
                socket.SendTo(Encoding.UTF8.GetBytes(state), _to);
            }
            catch (SocketException)
            {
                // Serving does not depend on being heard.
            }
        }
    }
}
