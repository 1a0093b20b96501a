using Microsoft.Extensions.Logging;
using Sluice.Accepting;
using Sluice.Diagnostics;
using Sluice.Tests.Support;
using Sluice.Transports;

namespace Sluice.Tests.Diagnostics;

public sealed class ServerLogTests
{
    private readonly ServerEvents _events = new();
    private readonly CollectingLoggers _loggers = new();
    private readonly StubListener _listener = new();

    [Fact]
    public async Task What_peers_can_cause_is_written_once_a_second_with_a_count_of_the_rest()
    {
        ServerLog.Attach(_events, _loggers, "thread");
        for (int i = 0; i < 1000; i++)
        {
            _events.RaiseAcceptFailed(_listener, AcceptError.ProcessDescriptorLimit, AcceptReaction.BackOff);
        }

        int written = _loggers.Lines.Count;
        Assert.InRange(written, 1, 5);
        await Eventually.Until(
            () =>
            {
                _events.RaiseAcceptFailed(_listener, AcceptError.ProcessDescriptorLimit, AcceptReaction.BackOff);
                return _loggers.Lines.Count > written;
            },
            "the next second's line");
        (LogLevel Level, EventId Id, string Text) last = _loggers.Lines.Last();
        Assert.Equal(LogLevel.Error, last.Level);
        Assert.Contains("SLU0301", last.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("(0 more", last.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void One_cause_does_not_hide_another()
    {
        ServerLog.Attach(_events, _loggers, "thread");
        _events.RaiseConnectionRefused(_listener, new StubSocket(), RefuseReason.MaxConnections);
        _events.RaiseConnectionRefused(_listener, new StubSocket(), RefuseReason.QueueFull);
        Assert.Equal(2, _loggers.Lines.Count);
    }

    [Fact]
    public void An_expected_end_is_no_error_in_the_log()
    {
        ServerLog.Attach(_events, _loggers, "thread");
        var connection = Connected.Make(PipeKind.Blocking).Connection;
        _events.RaiseConnectionEnded(new ConnectionEnded(connection, _listener, CloseReason.PeerReset, Failure: null, default, 0, 0));
        _events.RaiseConnectionEnded(new ConnectionEnded(connection, _listener, CloseReason.HandlerFailed, new InvalidDataException("x"), default, 0, 0));
        Assert.Equal([LogLevel.Debug, LogLevel.Error], _loggers.Lines.Select(line => line.Level));
        Assert.Contains("SLU0208", _loggers.Lines.Last().Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_handler_that_blocks_a_loop_is_named_with_the_way_out()
    {
        ServerLog.Attach(_events, _loggers, "epoll");
        _events.RaiseLoopBlocked(new LoopBlocked("Chat.Room", 3, TimeSpan.FromMilliseconds(120)));
        (LogLevel Level, EventId Id, string Text) line = Assert.Single(_loggers.Lines);
        Assert.Equal(LogLevel.Warning, line.Level);
        Assert.Contains("SLU0305 Chat.Room has kept event loop 3 for 120 ms", line.Text, StringComparison.Ordinal);
        Assert.Contains("--model thread", line.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_logger_that_throws_harms_nobody()
    {
        var heard = new List<string>();
        using var broken = new ThrowingLoggers();
        ServerLog.Attach(_events, broken, "thread");
        _events.Noticed += heard.Add;
        _events.RaiseNoticed("one");
        _events.RaiseNoticed("two");
        Assert.Equal(["one", "two"], heard);
        Assert.Equal(2, broken.Calls);
        Assert.Equal(2, _events.SubscriberFailures);
    }
}
