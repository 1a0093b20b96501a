using Microsoft.Extensions.Logging;

namespace Sluice.Diagnostics;

/// <summary>What is written of datagrams.</summary>
internal sealed partial class ServerLog
{
    private void OnDatagramFailed(DatagramFailed failed)
    {
        if (MayWrite("datagram " + failed.Failure.GetType().FullName, out long more))
        {
            DatagramFailed(failed.Listener.Url.ToString(), failed.RemoteEndPoint?.ToString() ?? "an unnamed peer", more, failed.Failure);
        }
    }

    private void OnNotSent(DatagramNotSent lost)
    {
        if (MayWrite("not sent " + lost.Reason, out long more))
        {
            NotSent(lost.Listener.Url.ToString(), lost.RemoteEndPoint?.ToString() ?? "an unnamed peer", lost.Detail, more);
        }
    }

    private void OnDropped(DatagramsDropped dropped)
    {
        if (!MayWrite("dropped " + dropped.Reason, out long more))
        {
            return;
        }

        string url = dropped.Listener.Url.ToString();
        if (dropped.Reason == DropReason.KernelBuffer)
        {
            DroppedByKernel(url, dropped.Count, more);
        }
        else
        {
            Dropped(url, dropped.Reason.ToString(), dropped.Count, more);
        }
    }

    private void OnReceiveFailed(ReceiveFailed failed)
    {
        if (failed.Stops)
        {
            ReceiveStopped(failed.Listener.Url.ToString(), failed.Error);
        }
        else if (MayWrite("receive " + failed.Error, out long more))
        {
            ReceiveRetried(failed.Listener.Url.ToString(), failed.Error, more);
        }
    }

    [LoggerMessage(30, LogLevel.Error, "SLU0208 {Url}: the handler threw on a datagram of {Peer}; only that is lost ({LeftOut} more of this since the last line)")]
    private partial void DatagramFailed(string url, string peer, long leftOut, Exception failure);

    [LoggerMessage(31, LogLevel.Information, "{Url}: a datagram to {Peer} was not sent: {Error} ({LeftOut} more of this since the last line)")]
    private partial void NotSent(string url, string peer, string error, long leftOut);

    [LoggerMessage(32, LogLevel.Warning, "SLU0311 {Url}: the kernel dropped {Count} datagrams, because nobody received them in time; raise --receive-buffer, or see what the handler does ({LeftOut} more of this since the last line)")]
    private partial void DroppedByKernel(string url, long count, long leftOut);

    [LoggerMessage(33, LogLevel.Warning, "{Url}: dropped {Count} datagrams: {Reason} ({LeftOut} more of this since the last line)")]
    private partial void Dropped(string url, string reason, long count, long leftOut);

    [LoggerMessage(34, LogLevel.Warning, "SLU0312 {Url}: receiving said {Error}; it goes on ({LeftOut} more of this since the last line)")]
    private partial void ReceiveRetried(string url, string error, long leftOut);

    [LoggerMessage(35, LogLevel.Critical, "SLU0312 {Url}: receiving said {Error}; nothing more is received there")]
    private partial void ReceiveStopped(string url, string error);
}
