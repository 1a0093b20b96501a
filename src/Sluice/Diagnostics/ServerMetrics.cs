using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Connections;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Transports;

namespace Sluice.Diagnostics;

/// <summary>
/// The meter <c>Sluice</c>: OpenTelemetry's shapes and units, each measurement with the attribute <c>sluice.model</c>. Bytes are counted when a
/// connection ends and about once a second before, so that a request costs nothing.
/// </summary>
internal sealed class ServerMetrics : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Sluice";

    // Kestrel's buckets for the life of a connection, in seconds.
    private static readonly double[] DurationBuckets = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

    private readonly Lock _reporting = new();
    private readonly Meter _meter = new(MeterName);
    private readonly Func<IReadOnlyList<Listener>> _listeners;
    private readonly UpDownCounter<long> _active;
    private readonly UpDownCounter<long> _queued;
    private readonly Counter<long> _rejected;
    private readonly Counter<long> _acceptErrors;
    private readonly Counter<long> _io;
    private readonly Histogram<double> _duration;

    /// <param name="events">What is counted.</param>
    /// <param name="listeners">The server's listeners, whose datagrams are asked for when somebody collects.</param>
    public ServerMetrics(ServerEvents events, Func<IReadOnlyList<Listener>> listeners)
    {
        _listeners = listeners;
        _active = _meter.CreateUpDownCounter<long>("sluice.active_connections", "{connection}", "Connections that are being served.");
        _queued = _meter.CreateUpDownCounter<long>("sluice.queued_connections", "{connection}", "Connections that were accepted and whose handler has not started.");
        _rejected = _meter.CreateCounter<long>("sluice.rejected_connections", "{connection}", "Connections closed at once, by reason (error.type).");
        _acceptErrors = _meter.CreateCounter<long>("sluice.accept_errors", "{error}", "Failed accept(2) calls, by name (error.type).");
        _io = _meter.CreateCounter<long>("sluice.network.io", "By", "Bytes received and sent, by network.io.direction.");
        _duration = _meter.CreateHistogram("sluice.connection.duration", "s", "The life of a connection.", tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = DurationBuckets });
        events.ConnectionAccepted += accepted => Change(_queued, 1, accepted.Listener);
        events.ConnectionStarted += OnStarted;
        events.ConnectionEnded += OnEnded;
        events.ConnectionRefused += OnRefused;
        events.AcceptFailed += failed => _acceptErrors.Add(1, new("error.type", Snake(failed.Error.ToString())), new("sluice.model", failed.Listener.Model));
        _meter.CreateObservableCounter("sluice.datagrams", () => OfDatagrams(
            traffic => [(traffic.Received, "network.io.direction", "receive"), (traffic.Sent, "network.io.direction", "transmit")]),
            "{datagram}", "Datagrams received and sent, by network.io.direction.");
        _meter.CreateObservableCounter("sluice.datagram.io", () => OfDatagrams(
            traffic => [(traffic.BytesReceived, "network.io.direction", "receive"), (traffic.BytesSent, "network.io.direction", "transmit")]),
            "By", "Bytes in datagrams received and sent, by network.io.direction.");
        _meter.CreateObservableCounter("sluice.dropped_datagrams", () => OfDatagrams(
            traffic => [(traffic.DroppedByKernel, "error.type", "kernel_buffer"), (traffic.DroppedHere, "error.type", "not_served"), (traffic.NotSent, "error.type", "not_sent")]),
            "{datagram}", "Datagrams lost: before they were received, before a handler saw them, or because the system did not take them (error.type).");
    }

    /// <summary>Whether anybody listens to the bytes.</summary>
    public bool CountsIo => _io.Enabled;

    public void Dispose() => _meter.Dispose();

    /// <summary>Counts the bytes that a connection has moved since it was last reported. Called by the sweep and at its end.</summary>
    public void ReportIo(StreamConnection connection)
    {
        if (!_io.Enabled || connection.Listener is not { } listener)
        {
            return;
        }

        lock (_reporting)
        {
            (long received, long sent) = (connection.BytesReceived, connection.BytesSent);
            ref (long Received, long Sent) reported = ref connection.Reported;
            Add(received - reported.Received, "receive");
            Add(sent - reported.Sent, "transmit");
            reported = (received, sent);
        }

        void Add(long bytes, string direction)
        {
            if (bytes > 0)
            {
                TagList tags = Tags(listener);
                tags.Add("network.io.direction", direction);
                _io.Add(bytes, tags);
            }
        }
    }

    private List<Measurement<long>> OfDatagrams(Func<DatagramTraffic, (long Value, string Tag, string Meaning)[]> read)
    {
        var measured = new List<Measurement<long>>();
        foreach (DatagramListener listener in _listeners().OfType<DatagramListener>())
        {
            foreach ((long value, string tag, string meaning) in read(listener.Traffic))
            {
                TagList tags = Tags(listener);
                tags.Add(tag, meaning);
                measured.Add(new Measurement<long>(value, tags));
            }
        }

        return measured;
    }

    private void OnStarted(ConnectionContext connection)
    {
        if (connection is StreamConnection { Listener: { } listener })
        {
            Change(_queued, -1, listener);
            Change(_active, 1, listener);
        }
    }

    private void OnRefused(ConnectionRefused refused)
    {
        // These had been accepted and waited for their handler.
        if (refused.Reason is RefuseReason.QueueFull or RefuseReason.Draining or RefuseReason.NoThread or RefuseReason.NoWatch or RefuseReason.NoWorker)
        {
            Change(_queued, -1, refused.Listener);
        }

        _rejected.Add(1, new("error.type", Snake(refused.Reason.ToString())), new("sluice.model", refused.Listener.Model));
    }

    private void Change(UpDownCounter<long> counter, int by, Listener listener)
    {
        if (counter.Enabled)
        {
            counter.Add(by, Tags(listener));
        }
    }

    private void OnEnded(ConnectionEnded ended)
    {
        Change(_active, -1, ended.Listener);
        ReportIo((StreamConnection)ended.Connection);
        if (_duration.Enabled)
        {
            TagList tags = Tags(ended.Listener);
            if (ended.Reason is not (CloseReason.Completed or CloseReason.Drained))
            {
                tags.Add("error.type", Snake(ended.Reason.ToString()));
            }

            _duration.Record(ended.Duration.TotalSeconds, tags);
        }
    }

    private TagList Tags(Listener listener)
    {
        TagList tags = default;
        tags.Add("sluice.model", listener.Model);
        tags.Add("network.transport", listener.Url.Scheme is "unix" ? "unix" : listener.Url.Scheme);
        if (listener.Url.Path.Length > 0)
        {
            tags.Add("server.address", listener.Url.Path);
        }
        else
        {
            tags.Add("network.type", listener.Url.Host.Contains(':') ? "ipv6" : "ipv4");
            tags.Add("server.address", listener.Url.Host);
            tags.Add("server.port", listener.Url.Port);
        }

        return tags;
    }

    // MaxConnectionsPerSource → max_connections_per_source
    private static string Snake(string name) => string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i > 0 ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()));
}
