using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Programs;

namespace Sluice;

/// <summary>
/// Starts a program for each connection, with the socket itself as its standard input and output, as inetd(8) and tcpserver do: no byte is copied. Its
/// standard error is this process's. Its environment is this process's with the variables of UCSPI: PROTO=TCP with TCPREMOTEIP, TCPREMOTEPORT, TCPLOCALIP
/// and TCPLOCALPORT, or PROTO=UNIX with UNIXLOCALPATH, UNIXREMOTEEUID, UNIXREMOTEEGID and UNIXREMOTEPID. The handler ends when the program does.
/// </summary>
/// <remarks>
/// A drain waits for the program. At the cut, at <see cref="ServerLimits.Lifetime"/> and on Abort it is sent SIGTERM, and SIGKILL a second later; what is left
/// of the connection is then shut down. A connection whose program ends by itself is only closed here: a process that the program has left behind keeps it.
/// The bytes are not seen here, so limits that count them are refused (SLU0105), and <c>auto</c> is the model <c>thread</c>; io_uring, <c>memory://</c> and
/// a middleware that has read or replaced the pipes are refused (SLU0320).
/// </remarks>
public sealed class ExecHandler : ConnectionHandler
{
    private readonly SocketProgram _program;

    /// <summary>Looks the program up, as execvp(3) does: a name without a slash is looked for in PATH.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="loggers">Where a program that did not end with 0 is told of, category <c>Sluice.Exec</c>, at most once a second. Defaults to no log.</param>
    /// <exception cref="SluiceException">SLU0322: it is not there, or may not be executed.</exception>
    public ExecHandler(IReadOnlyList<string> command, ILoggerFactory? loggers = null)
    {
        ArgumentNullException.ThrowIfNull(command);
        _program = new SocketProgram(command, (loggers ?? NullLoggerFactory.Instance).CreateLogger("Sluice.Exec"));
    }

    /// <inheritdoc/>
    public override Task OnConnectedAsync(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        return _program.ServeAsync(connection);
    }
}
