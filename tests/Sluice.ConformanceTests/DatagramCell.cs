using System.Globalization;
using Microsoft.Extensions.Logging;
using Sluice.Models;
using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests;

/// <summary>One (model, transport of datagrams), and how to serve a handler in it.</summary>
public sealed class DatagramCell
{
    private static int _lastName;

    private readonly string _transport;

    private DatagramCell(string model, string transport) => (Model, _transport) = (ConcurrencyModels.Find(model), transport);

    public ConcurrencyModel Model { get; }

    public bool IsUnix => _transport is "unixgram" or "unixgram-abstract";

    public bool IsSix => _transport == "udp6";

    /// <summary>Whether more than one datagram is served at a time.</summary>
    public bool IsConcurrent => Model.Capabilities.Concurrent;

    /// <summary>Whether one thread serves many.</summary>
    public bool IsLoop => Model.Capabilities is { Blocking: false, NeedsDescriptor: true };

    /// <summary>Whether datagrams of one peer are begun one after the other, each once the one before has ended or waits.</summary>
    public bool IsInOrder => IsLoop || !IsConcurrent;

    /// <summary>Runs a behaviour in a cell. A model that does not serve datagrams must refuse when the server is built, with the id that it foretells.</summary>
    public static async Task RunAsync(string model, string transport, Func<DatagramCell, Task> behaviour)
    {
        var cell = new DatagramCell(model, transport);
        if (cell.Model.Check(TransportKind.Datagram, new SocketServerOptions()) is { IsSupported: false } refused)
        {
            Assert.Equal(refused.ErrorId, Assert.Throws<SluiceException>(() => cell.Build(static _ => ValueTask.CompletedTask)).Id);
            return;
        }

        await behaviour(cell).Within($"the behaviour in {model} × {transport} ended", TimeSpan.FromSeconds(120));
    }

    /// <summary>A new address of this transport, to be bound.</summary>
    public string NewUrl()
    {
        string name = $"sluice-datagrams-{Environment.ProcessId}-{Interlocked.Increment(ref _lastName).ToString(CultureInfo.InvariantCulture)}";
        return _transport switch
        {
            "udp" => "udp://127.0.0.1:0",
            "udp6" => "udp://[::1]:0",
            "unixgram" => $"unixgram://{Path.GetTempPath()}{name}.sock",
            _ => $"unixgram://@{name}",
        };
    }

    /// <summary>Builds a server for <paramref name="handler"/>.</summary>
    public SocketServer Build(Func<DatagramContext, ValueTask> handler, Action<SocketServerOptions>? configure = null, ILoggerFactory? loggers = null)
    {
        SocketServerBuilder builder = SocketServer.CreateBuilder().UseModel(Model.Name).HandleDatagrams(new DatagramFunction(handler)).Configure(options =>
        {
            options.Threads = 64; // of threadpool: as many as handlers of a behaviour wait
            options.Drain = TimeSpan.FromSeconds(10);
            configure?.Invoke(options);
            if (options.Listen.Count == 0)
            {
                options.Listen.Add(NewUrl());
            }
        });
        return (loggers is null ? builder : builder.LogTo(loggers)).Build();
    }

    /// <summary>Builds a server and starts it.</summary>
    public async Task<DatagramServer> StartAsync(Func<DatagramContext, ValueTask> handler, Action<SocketServerOptions>? configure = null, ILoggerFactory? loggers = null)
    {
        var running = new DatagramServer(Build(handler, configure, loggers));
        await running.Server.StartAsync().Within("the server started");
        return running;
    }

    /// <summary>The same with a handler that sends everything back.</summary>
    public Task<DatagramServer> StartEchoAsync(Action<SocketServerOptions>? configure = null, ILoggerFactory? loggers = null) =>
        StartAsync(static context => context.ReplyAsync(context.Payload), configure, loggers);
}
