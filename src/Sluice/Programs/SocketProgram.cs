using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Sluice.Connections;
using Sluice.Diagnostics;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Programs;

/// <summary>A program that is started for each connection, with the socket as descriptors 0 and 1.</summary>
internal sealed partial class SocketProgram
{
    private static readonly TimeSpan UntilKilled = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly byte[][] _arguments;
    private readonly ProgramEnvironment _environment = ProgramEnvironment.OfThis();
    private readonly OncePerSecond _told = new();
    private readonly ILogger _log;

    public SocketProgram(IReadOnlyList<string> command, ILogger log)
    {
        string name = command is [var first, ..] ? first : "";
        _path = ProgramFile.Find(name, out NativeError error) ?? throw new SluiceException(ErrorIds.ProgramNotFound, error == NativeError.AccessDenied
            ? $"cannot start '{name}': it may not be executed; give a program, or make it executable (chmod +x)"
            : name.Contains('/') ? $"cannot start '{name}': there is no such file; check the path" : $"cannot start '{name}': no directory of PATH has it; give its path");
        _arguments = [.. command.Select(Encoding.UTF8.GetBytes)];
        _log = log;
    }

    /// <summary>Runs it for <paramref name="connection"/>, to its end.</summary>
    public async Task ServeAsync(ConnectionContext connection)
    {
        if (connection.ConnectionClosed.IsCancellationRequested)
        {
            return; // the peer has reset it before it was served
        }

        StreamSocket socket = connection.Features.Get<ISocketHandOver>()?.HandOver()
            ?? throw new SluiceException(ErrorIds.CannotHandOver, "the connection is none of Sluice's, and has no socket to hand over");
        var start = new ChildStart
        {
            Path = _path,
            Arguments = _arguments,
            Environment = _environment.For(connection, socket.PeerCredentials),
            Descriptors = [(socket.Descriptor, 0), (socket.Descriptor, 1)],
        };

        // posix_spawn(3) returns when the new program's file is open and mapped: from a disk, perhaps. A loop does not wait for that.
        using ChildProcess child = SynchronizationContext.Current is null ? Start(start) : await Task.Run(() => Start(start));
        ChildExit exit;
        Task<ChildExit> ended = new ChildWatch(child).EndAsync();
        using (connection.ConnectionClosed.UnsafeRegister(_ => _ = StopAsync(child, ended), state: null))
        {
            exit = await ended;
        }

        if (exit is not { Code: 0, Signal: 0 } && _told.MayWrite(out long more))
        {
            Ended(connection.ConnectionId, exit, more);
        }
    }

    private static ChildProcess Start(ChildStart start) => ChildProcess.TryStart(start, out NativeError error)
        ?? throw new SluiceException(ErrorIds.ProgramNotStarted,
            $"'{start.Path}' could not be started for a connection ({error}); if something is short, raise it: processes (ulimit -u), descriptors (ulimit -n) or memory");

    private static async Task StopAsync(ChildProcess child, Task ended)
    {
        child.Signal(ChildProcess.Terminate);
        if (await Task.WhenAny(ended, Task.Delay(UntilKilled)) != ended)
        {
            child.Signal(ChildProcess.Kill);
        }
    }

    [LoggerMessage(30, LogLevel.Information, "The program of connection {Id} {Exit} ({LeftOut} more of this since the last line)")]
    private partial void Ended(string id, ChildExit exit, long leftOut);
}
