using System.Diagnostics.Metrics;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Diagnostics;
using Sluice.Tests.Support;
using Sluice.Transports;

namespace Sluice.Tests.Diagnostics;

public sealed class ServerMetricsTests : IDisposable
{
    private readonly string _model = Guid.NewGuid().ToString();
    private readonly Dictionary<string, double> _sums = new(StringComparer.Ordinal);
    private readonly MeterListener _meters = new();
    private readonly ServerEvents _events = new();
    private readonly ServerMetrics _metrics;
    private readonly StubListener _listener = new();

    public ServerMetricsTests()
    {
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == ServerMetrics.MeterName)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _meters.Start();
        _listener.Model = _model;
        _metrics = new ServerMetrics(_events, static () => []);
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _meters.Dispose();
    }

    [Fact]
    public void A_connection_is_queued_then_active_then_gone_and_its_bytes_are_counted_once()
    {
        GatedConnection connection = Connected.Make(PipeKind.Blocking).Connection;
        connection.Listener = _listener;
        _events.RaiseConnectionAccepted(_listener, new StubSocket());
        Assert.Equal((1, 0), (Sum("sluice.queued_connections"), Sum("sluice.active_connections")));
        _events.RaiseConnectionStarted(connection);
        Assert.Equal((0, 1), (Sum("sluice.queued_connections"), Sum("sluice.active_connections")));

        connection.CountReceived(100);
        connection.CountSent(30);
        _metrics.ReportIo(connection);
        _metrics.ReportIo(connection);
        connection.CountSent(12);
        _events.RaiseConnectionEnded(new ConnectionEnded(connection, _listener, CloseReason.IdleTimeout, Failure: null, TimeSpan.FromSeconds(2), 100, 42));

        Assert.Equal((0, 0), (Sum("sluice.queued_connections"), Sum("sluice.active_connections")));
        Assert.Equal((100, 42), (Sum("sluice.network.io receive"), Sum("sluice.network.io transmit")));
        Assert.Equal(2, Sum("sluice.connection.duration idle_timeout"));
    }

    [Fact]
    public void Refusals_and_accept_errors_are_counted_by_name()
    {
        _events.RaiseConnectionRefused(_listener, new StubSocket(), RefuseReason.MaxConnectionsPerSource);
        _events.RaiseAcceptFailed(_listener, AcceptError.ProcessDescriptorLimit, AcceptReaction.BackOff);
        _events.RaiseAcceptFailed(_listener, AcceptError.ProcessDescriptorLimit, AcceptReaction.BackOff);
        Assert.Equal(1, Sum("sluice.rejected_connections max_connections_per_source"));
        Assert.Equal(2, Sum("sluice.accept_errors process_descriptor_limit"));
        Assert.Equal(0, Sum("sluice.queued_connections"));
    }

    [Theory]
    [InlineData(RefuseReason.QueueFull)]
    [InlineData(RefuseReason.Draining)]
    [InlineData(RefuseReason.NoThread)]
    [InlineData(RefuseReason.NoWatch)]
    public void Who_is_refused_after_it_was_accepted_waits_no_more(RefuseReason reason)
    {
        _events.RaiseConnectionAccepted(_listener, new StubSocket());
        _events.RaiseConnectionRefused(_listener, new StubSocket(), reason);
        Assert.Equal(0, Sum("sluice.queued_connections"));
    }

    private double Sum(string name)
    {
        lock (_sums)
        {
            return _sums.GetValueOrDefault(name);
        }
    }

    // Other tests' servers measure too, under other models' names.
    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string name = instrument.Name;
        bool ours = false;
        foreach ((string key, object? tag) in tags)
        {
            ours |= key == "sluice.model" && _model.Equals(tag);
            name += key is "error.type" or "network.io.direction" ? " " + tag : "";
        }

        if (ours)
        {
            lock (_sums)
            {
                _sums[name] = _sums.GetValueOrDefault(name) + value;
            }
        }
    }
}
