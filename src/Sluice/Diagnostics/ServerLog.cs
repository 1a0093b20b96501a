using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Sluice.Accepting;
using Sluice.Transports;

namespace Sluice.Diagnostics;

/// <summary>
/// Writes a server's events to an ILogger, category <c>Sluice.Server</c>: one subscriber like any other, so a logger that throws harms
/// nobody. Event ids are stable. What peers can cause is written at most once a second per cause, with a count of what was left out.
/// </summary>
internal sealed partial class ServerLog
{
    private readonly ILogger _log;
    private readonly string _model;
    private readonly ConcurrentDictionary<string, OncePerSecond> _causes = new(StringComparer.Ordinal);

    private ServerLog(ILogger log, string model) => (_log, _model) = (log, model);

    public static void Attach(ServerEvents events, ILoggerFactory? loggers, string model)
    {
        if (loggers is null or NullLoggerFactory)
        {
            return;
        }

        var log = new ServerLog(loggers.CreateLogger("Sluice.Server"), model);
        events.StateChanged += state => log.StateChanged(state, log._model);
        events.Noticed += line => log.Noticed(line);
        events.Drained += report => log.Drained(report.Ended, report.Cut, report.Took.TotalSeconds);
        events.AcceptFailed += log.OnAcceptFailed;
        events.ConnectionRefused += log.OnRefused;
        events.ConnectionEnded += log.OnEnded;
        events.DatagramFailed += log.OnDatagramFailed;
        events.DatagramNotSent += log.OnNotSent;
        events.DatagramsDropped += log.OnDropped;
        events.ReceiveFailed += log.OnReceiveFailed;
        events.LoopBlocked += blocked => log.LoopBlocked(blocked.Handler, blocked.Loop, blocked.For.TotalMilliseconds);
    }

    private void OnAcceptFailed(AcceptFailed failed)
    {
        if (!MayWrite("accept " + failed.Error, out long more))
        {
            return;
        }

        if (failed.Stops)
        {
            AcceptStopped(failed.Listener.Url.ToString(), Describe(failed.Error));
        }
        else if (failed.BacksOff)
        {
            AcceptBacksOff(failed.Listener.Url.ToString(), Describe(failed.Error), more);
        }
        else
        {
            AcceptRetried(failed.Listener.Url.ToString(), Describe(failed.Error), more);
        }
    }

    private void OnRefused(ConnectionRefused refused)
    {
        if (!MayWrite("refused " + refused.Reason, out long more))
        {
            return;
        }

        if (refused.Reason == RefuseReason.NoThread)
        {
            ThreadNotStarted(refused.Listener.Url.ToString(), more);
        }
        else
        {
            Refused(refused.Listener.Url.ToString(), refused.Reason.ToString(), more);
        }
    }

    private void OnEnded(ConnectionEnded ended)
    {
        if (ended.Failure is not null)
        {
            if (MayWrite("handler " + ended.Failure.GetType().FullName, out long more))
            {
                HandlerFailed(ended.Connection.ConnectionId, more, ended.Failure);
            }
        }
        else if (IdOf(ended.Reason) is { } id)
        {
            if (MayWrite("ended " + id, out long more))
            {
                EndedByLimit(id, ended.Connection.RemoteEndPoint?.ToString() ?? "an unnamed peer", ended.Reason.ToString(), ended.BytesReceived, ended.BytesSent, more);
            }
        }
        else
        {
            Ended(ended.Reason, ended.BytesReceived, ended.BytesSent);
        }
    }

    // The words operators search for.
    private static string Describe(AcceptError error) => error switch
    {
        AcceptError.ConnectionAborted => "ECONNABORTED",
        AcceptError.Protocol => "EPROTO",
        AcceptError.NotPermitted => "EPERM (a firewall rule forbids the connection)",
        AcceptError.ProcessDescriptorLimit => "EMFILE (this process has no descriptor left; raise ulimit -n or lower --max-connections)",
        AcceptError.SystemDescriptorLimit => "ENFILE (the system has no descriptor left; raise fs.file-max)",
        AcceptError.NoBufferSpace => "ENOBUFS (no socket buffers)",
        AcceptError.NoMemory => "ENOMEM (no memory)",
        _ => error.ToString(),
    };

    private static string? IdOf(CloseReason reason) => reason switch
    {
        CloseReason.UnreadLimit => ErrorIds.UnreadLimit,
        CloseReason.IdleTimeout => ErrorIds.IdleTimeout,
        CloseReason.FirstByteTimeout => ErrorIds.FirstByteTimeout,
        CloseReason.Lifetime => ErrorIds.Lifetime,
        CloseReason.MinRate => ErrorIds.MinRate,
        CloseReason.WriteTimeout => ErrorIds.WriteTimeout,
        CloseReason.DrainCut => ErrorIds.DrainCut,
        CloseReason.DescriptorLimit => ErrorIds.DescriptorLimit,
        _ => null,
    };

    private bool MayWrite(string cause, out long leftOut) => _causes.GetOrAdd(cause, static _ => new OncePerSecond()).MayWrite(out leftOut);

    [LoggerMessage(1, LogLevel.Debug, "The server is {State} (model {Model})")]
    private partial void StateChanged(ServerState state, string model);

    [LoggerMessage(2, LogLevel.Information, "{Line}")]
    private partial void Noticed(string line);

    [LoggerMessage(3, LogLevel.Information, "Drained: {Ended} connections ended by themselves, {Cut} were cut, in {Seconds:0.0} s")]
    private partial void Drained(int ended, int cut, double seconds);

    [LoggerMessage(10, LogLevel.Debug, "{Url}: accept said {Error}; accepting goes on ({LeftOut} more of this since the last line)")]
    private partial void AcceptRetried(string url, string error, long leftOut);

    [LoggerMessage(11, LogLevel.Error, "SLU0301 {Url}: accept said {Error}; accepting pauses up to 500 ms and goes on ({LeftOut} more of this since the last line)")]
    private partial void AcceptBacksOff(string url, string error, long leftOut);

    [LoggerMessage(12, LogLevel.Critical, "SLU0302 {Url}: accept said {Error}; this listener accepts no more")]
    private partial void AcceptStopped(string url, string error);

    [LoggerMessage(13, LogLevel.Warning, "SLU0303 {Url}: refused a connection: {Reason} ({LeftOut} more of this since the last line)")]
    private partial void Refused(string url, string reason, long leftOut);

    [LoggerMessage(14, LogLevel.Error, "SLU0304 {Url}: no thread could be started for a connection; it was closed ({LeftOut} more of this since the last line)")]
    private partial void ThreadNotStarted(string url, long leftOut);

    [LoggerMessage(15, LogLevel.Warning, "SLU0305 {Handler} has kept event loop {Loop} for {Milliseconds:0} ms, and every other connection of that loop waits; use a thread model (--model thread), or await instead of blocking")]
    private partial void LoopBlocked(string handler, int loop, double milliseconds);

    [LoggerMessage(20, LogLevel.Debug, "A connection ended: {Reason}, {Received} bytes received, {Sent} sent")]
    private partial void Ended(CloseReason reason, long received, long sent);

    [LoggerMessage(22, LogLevel.Information, "{Id} A limit ended the connection of {Peer}: {Reason}, {Received} bytes received, {Sent} sent ({LeftOut} more of this since the last line)")]
    private partial void EndedByLimit(string id, string peer, string reason, long received, long sent, long leftOut);

    [LoggerMessage(21, LogLevel.Error, "SLU0208 The handler of connection {Id} threw; only this connection ends ({LeftOut} more of this since the last line)")]
    private partial void HandlerFailed(string id, long leftOut, Exception failure);
}
