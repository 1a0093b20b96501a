using System.Globalization;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Sluice.Models;
using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests;

/// <summary>One (model, transport), and how to serve a handler in it.</summary>
public sealed class Cell
{
    private static int _lastName;

    private readonly string _transport;

    private Cell(string model, string transport) => (Model, _transport) = (ConcurrencyModels.Find(model), transport);

    public ConcurrencyModel Model { get; }

    /// <summary>Whether more than one connection is served at a time.</summary>
    public bool IsConcurrent => Model.Capabilities.Concurrent;

    /// <summary>Whether one thread resumes the handlers of many connections.</summary>
    public bool IsLoop => Model.Capabilities is { Blocking: false, NeedsDescriptor: true };

    public bool IsTcp => _transport is "tcp" or "tcp6";

    public bool IsMemory => _transport is "memory";

    /// <summary>
    /// Runs a behaviour in a cell. A cell that cannot work must refuse, when the server is built, with the id that its capabilities foretell.
    /// </summary>
    public static async Task RunAsync(string model, string transport, Func<Cell, Task> behaviour)
    {
        var cell = new Cell(model, transport);
        if (cell.Model.Capabilities.NeedsDescriptor && transport == "memory")
        {
            SluiceException refusal = Assert.Throws<SluiceException>(() => cell.Build(Handlers.Echo));
            Assert.Equal(ErrorIds.NoDescriptor, refusal.Id);
            return;
        }

        try
        {
            await behaviour(cell).Within($"the behaviour in {model} × {transport} ended", TimeSpan.FromSeconds(120));
        }
        catch (RefusedOptionException)
        {
            // The model said beforehand that it cannot honour the option, and the server refused it with the same id.
        }
    }

    /// <summary>A new address of this transport, to listen on.</summary>
    public string NewUrl()
    {
        string name = Interlocked.Increment(ref _lastName).ToString(CultureInfo.InvariantCulture);
        return _transport switch
        {
            "tcp" => "tcp://127.0.0.1:0",
            "tcp6" => "tcp://[::1]:0",
            "unix" => $"unix://{Path.GetTempPath()}sluice-{Environment.ProcessId}-{name}.sock",
            _ => $"memory://conformance-{name}",
        };
    }

    /// <summary>Builds a server for <paramref name="handler"/>.</summary>
    public SocketServer Build(Func<ConnectionContext, Task> handler, Action<SocketServerOptions>? configure = null, ILoggerFactory? loggers = null)
    {
        SocketServerOptions? made = null;
        SocketServerBuilder builder = SocketServer.CreateBuilder().UseModel(Model.Name).Handle(handler).Configure(options =>
        {
            made = options;
            options.Threads = 64; // of threadpool: as many as a behaviour has clients
            options.Drain = TimeSpan.FromSeconds(10);
            configure?.Invoke(options);
            if (options.Listen.Count == 0)
            {
                options.Listen.Add(NewUrl());
            }
        });
        if (loggers is not null)
        {
            builder.LogTo(loggers);
        }

        try
        {
            return builder.Build();
        }
        catch (SluiceException refusal) when (refusal.Id == ErrorIds.OptionNotHonoured)
        {
            Assert.Equal(refusal.Id, Model.Check(TransportKind.Stream, made!).ErrorId);
            throw new RefusedOptionException();
        }
    }

    /// <summary>Builds a server and starts it.</summary>
    public async Task<RunningServer> StartAsync(Func<ConnectionContext, Task> handler, Action<SocketServerOptions>? configure = null, ILoggerFactory? loggers = null)
    {
        var running = new RunningServer(Build(handler, configure, loggers));
        await running.Server.StartAsync().Within("the server started");
        return running;
    }

    /// <summary>
    /// Runs <paramref name="client"/> for 0 to <paramref name="count"/> - 1: all at once where the model serves many, else in turn.
    /// </summary>
    public async Task ForEachClientAsync(int count, Func<int, Task> client)
    {
        ArgumentNullException.ThrowIfNull(client);
        if (IsConcurrent)
        {
            await Task.WhenAll(Enumerable.Range(0, count).Select(number => Task.Run(() => client(number)))).Within($"{count} clients ended", TimeSpan.FromSeconds(60));
            return;
        }

        for (int number = 0; number < count; number++)
        {
            await client(number);
        }
    }

    private sealed class RefusedOptionException : Exception;
}
