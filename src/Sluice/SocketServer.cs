using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Datagrams;
using Sluice.Diagnostics;
using Sluice.Models;
using Sluice.Restarting;
using Sluice.Sessions;
using Sluice.Transports;
using Sluice.Workers;

namespace Sluice;

/// <summary>
/// Serves one handler on one or more addresses under one concurrency model. The only place where models and transports meet. Every pair is
/// checked when it is built: what cannot work is refused with an SLUnnnn and the reason.
/// </summary>
public sealed partial class SocketServer : IAsyncDisposable
{
    private const string AutoModel = "auto";

    private readonly SocketServerOptions _options;
    private readonly ConcurrencyModel _model;
    private readonly ServedAddress[] _addresses;
    private readonly ServerHandlers _handlers;
    private readonly ConnectionTable _table = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Listener> _listeners = [];
    private readonly Lock _changing = new();

    // Set under _changing, when listening begins.
    private ConnectionGate? _gate;
    private ConnectionRunner? _runner;
    private DatagramRunner? _datagramRunner;
    private LimitSweep? _sweep;
    private RunningModels? _models;
    private Task? _serving;
    private Task<DrainReport>? _stopping;
    private ServerState _state;
    private long _drainDeadline = long.MaxValue;

    /// <summary>Builds a server of connections for <paramref name="handler"/>.</summary>
    /// <exception cref="SluiceException">What is wrong with the options, by id.</exception>
    public SocketServer(ConnectionHandler handler, SocketServerOptions options, ILoggerFactory? loggers = null)
        : this(ServerHandlers.Of(handler), options, loggers)
    {
    }

    /// <summary>Builds a server of datagrams for <paramref name="handler"/>.</summary>
    /// <exception cref="SluiceException">What is wrong with the options, by id.</exception>
    public SocketServer(DatagramHandler handler, SocketServerOptions options, ILoggerFactory? loggers = null)
        : this(ServerHandlers.Of(handler), options, loggers)
    {
    }

    /// <summary>Builds a server of both: what comes over a stream is <paramref name="connections"/>' business, a datagram that of <paramref name="datagrams"/>.</summary>
    /// <exception cref="SluiceException">What is wrong with the options, by id.</exception>
    public SocketServer(ConnectionHandler connections, DatagramHandler datagrams, SocketServerOptions options, ILoggerFactory? loggers = null)
        : this(ServerHandlers.Of(connections, datagrams), options, loggers)
    {
    }

    internal SocketServer(ServerHandlers handlers, SocketServerOptions options, ILoggerFactory? loggers, ConcurrencyModel? model = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_handlers, _options) = (handlers, options);
        _model = model ?? OptionsCheck.ModelOf(options.Model, options, handlers, OptionsCheck.HasDescriptors(options));
        _addresses = OptionsCheck.Check(options, handlers, _model);
        Events = new ServerEvents();
        Metrics = new ServerMetrics(Events, () => _listeners);
        ServerLog.Attach(Events, loggers, _model.Name);
        if (handlers.Datagrams is DatagramSessions sessions)
        {
            sessions.HandlerFailed += OnSessionFailed;
        }
    }

    /// <summary>The model that serves, <c>auto</c> resolved. Addresses with a model of their own are served by that (<see cref="Listener.Model"/>).</summary>
    public ConcurrencyModel Model => _model;

    /// <summary>What happens, for whoever wants to know.</summary>
    public ServerEvents Events { get; }

    /// <summary>Where the server is in its life.</summary>
    public ServerState State
    {
        get
        {
            lock (_changing)
            {
                return _state;
            }
        }
    }

    /// <summary>The bound sockets, in the order of the URLs, of which UDP under several loops has several; empty before listening. Their handles may be watched by a foreign loop.</summary>
    public IReadOnlyList<Listener> Listeners => _listeners;

    /// <summary>The bound addresses, in the order of the URLs; empty before listening.</summary>
    public IReadOnlyList<EndPoint> LocalEndPoints => [.. Named.Select(listener => listener.LocalEndPoint)];

    /// <summary>The bound addresses as a client writes them, with their real ports.</summary>
    public IReadOnlyList<SocketAddressUrl> LocalUrls => [.. Named.Select(listener => listener.Url)];

    /// <summary>The names of the models that serve them, in the same order.</summary>
    public IReadOnlyList<string> LocalModels => [.. Named.Select(listener => listener.Model)];

    /// <summary>The hard maximum of connections in force; 0 before listening.</summary>
    public int MaxConnections => _gate?.Maximum ?? 0;

    /// <summary>Connections served now.</summary>
    public int Connections => _table.Count;

    /// <summary>Datagrams so far, of all listeners.</summary>
    public DatagramTotals Datagrams => DatagramTotals.Of(_listeners);

    internal ServerMetrics Metrics { get; }

    // One for each address.
    private IEnumerable<Listener> Named => _listeners.Where(listener => listener is not DatagramListener { IsTwin: true });

    /// <summary>A builder, for servers with middleware.</summary>
    public static SocketServerBuilder CreateBuilder() => new();

    /// <summary>Binds, listens and serves. Returns once connections are accepted.</summary>
    /// <exception cref="SluiceException">The address cannot be bound, with the id and what to do.</exception>
    public async Task StartAsync()
    {
        if (WorkerRole.Current is { } role)
        {
            await ServeAsWorkerAsync(role); // to the end of this process, if it is this server's
            return;
        }

        try
        {
            await ServeAsync();
        }
        catch (Exception error)
        {
            UpgradeRole.Current?.Fail(error.Message);
            throw;
        }

        if (UpgradeRole.Current is { } successor)
        {
            await successor.ReadyAsync();
        }

        Events.RaiseStarted();
    }

    private async Task ServeAsync()
    {
        RunningModels models;
        lock (_changing)
        {
            BindOnce();
            if (_serving is not null)
            {
                throw new SluiceException(ErrorIds.WrongState, "the server serves already; make another one to serve twice");
            }

            _models = models = new RunningModels([.. Models.Select(model => (model, Context(model, budget: null, Timeout.InfiniteTimeSpan)))]);
            _serving = models.RunAsync(_stop);
        }

        try
        {
            await models.Started;
        }
        catch
        {
            _ = _serving.ContinueWith(static serving => serving.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default); // it says the same
            throw;
        }

        if (_serving.IsFaulted || models.Failure is not null)
        {
            await _serving; // where one of several models failed, the others have been told to stop
        }
    }

    /// <summary>Starts, unless started already, serves until <paramref name="stop"/> is cancelled, and drains (<see cref="SocketServerOptions.Drain"/>).</summary>
    /// <returns>What the drain came to.</returns>
    public async Task<DrainReport> RunAsync(CancellationToken stop = default)
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = stop.UnsafeRegister(static asked => ((TaskCompletionSource)asked!).TrySetResult(), asked);
        if (_serving is null)
        {
            Task starting = StartAsync();
            if (await Task.WhenAny(starting, asked.Task) != starting)
            {
                await _stop.CancelAsync(); // what it still waits for need not come
            }

            await starting;
        }

        // It also ends by StopAsync from elsewhere, or when no listener is left.
        await (_serving is { } serving ? Task.WhenAny(asked.Task, serving) : asked.Task);
        return await StopAsync();
    }

    /// <summary>
    /// Serves one connection or datagram, of whichever listener has one first, and returns when its handler has ended. Binds first if need be. For a loop
    /// of one's own that watches <see cref="Listeners"/>; socketserver's <c>handle_request</c>.
    /// </summary>
    /// <param name="timeout">How long to wait for it (not for its handler); null is for ever.</param>
    /// <returns>False when nobody came in time.</returns>
    public async Task<bool> HandleOneAsync(TimeSpan? timeout = null)
    {
        if (WorkerRole.Current is { } role && !await ServeAsWorkerAsync(role))
        {
            await Task.Delay(timeout ?? Timeout.InfiniteTimeSpan);
            return false;
        }

        ServerContext context;
        lock (_changing)
        {
            BindOnce();
            if (_serving is not null)
            {
                throw new SluiceException(ErrorIds.WrongState, "HandleOneAsync needs a server that does not serve by itself; use it instead of StartAsync");
            }

            if (Models.Skip(1).Any())
            {
                throw new SluiceException(ErrorIds.WrongState, "HandleOneAsync needs a server with one model: two would each serve one; leave the models of single addresses out");
            }

            context = Context(_model, budget: 1, timeout ?? Timeout.InfiniteTimeSpan);
        }

        bool came = false;
        void Came(ConnectionAccepted _) => came = true;
        Events.ConnectionAccepted += Came;
        try
        {
            await _model.RunAsync(context, _stop.Token);
        }
        finally
        {
            Events.ConnectionAccepted -= Came;
        }

        return came || context.DatagramsTaken > 0;
    }

    private void BindOnce()
    {
        if (_state > ServerState.Listening)
        {
            throw new SluiceException(ErrorIds.WrongState, "the server was stopped; make another one");
        }

        if (_gate is not null)
        {
            return;
        }

        try
        {
            foreach (ServedAddress address in _addresses)
            {
                _listeners.AddRange(InheritOrBind(address));
            }
        }
        catch
        {
            _listeners.ForEach(listener => listener.Close());
            _listeners.Clear();
            throw;
        }

        if (_options.Model == AutoModel && (_options.Sockets.PassDescriptors ? ConcurrencyModels.DescriptorsFallback : ConcurrencyModels.AutoFallback) is { } reason && _model.Name == "epoll")
        {
            Events.RaiseNoticed($"serving with epoll: {reason}");
        }

        Prepare(DescriptorRoom.Maximum(_options, OfConnections, Events, _handlers.HandsOver));
        _state = ServerState.Listening;
        Events.RaiseStateChanged(ServerState.Listening);
    }

    // What every connection needs.
    private void Prepare(int maximum)
    {
        _gate = new ConnectionGate(maximum, _options.Limits.MaxConnectionsPerSource, _options.Limits.OnLimit, _options.Sockets.AllowedUsers);
        var settings = new ConnectionSettings
        {
            MaxUnread = _options.Limits.MaxUnread,
            MaxSendQueue = _options.Limits.MaxSendQueue,
            Linger = _options.Linger,
            BlockingReads = _options.BlockingReads,
            Slice = ConnectionSettings.SliceFor(_options.Limits),
        };
        _runner = new ConnectionRunner(_handlers.Connections ?? (static _ => Task.CompletedTask), settings, _gate, _table, Events);
        _datagramRunner = _handlers.Datagrams is { } datagrams ? new DatagramRunner(datagrams, Events) : null;
        AwaitSessions();
        _sweep = new LimitSweep(_options.Limits, _table, Metrics);
    }

    private IEnumerable<ConcurrencyModel> Models => _addresses.Select(address => address.Model).Distinct();

    // Those that serve connections; all, where none does.
    private List<ConcurrencyModel> OfConnections =>
        [.. Models.Where(model => !_listeners.OfType<StreamListener>().Any() || _listeners.OfType<StreamListener>().Any(listener => listener.Model == model.Name))];

    private ServerContext Context(ConcurrencyModel model, int? budget, TimeSpan timeout)
    {
        List<Listener> listeners = _listeners.FindAll(listener => listener.Model == model.Name);
        return new()
        {
            Listeners = [.. listeners.OfType<StreamListener>()],
            Datagrams = [.. listeners.OfType<DatagramListener>()],
            Bound = listeners,
            Options = _options,
            Gate = _gate!,
            Runner = _runner!,
            DatagramPlaces = new Places(Math.Min(_options.Datagrams.MaxConcurrent, model.HardMaximum(_options))),
            DatagramRunner = _datagramRunner,
            Events = Events,
            Table = _table,
            HandlerName = _handlers.Name,
            AcceptBudget = budget,
            AcceptTimeout = timeout,
        };
    }

    private void Enter(ServerState state)
    {
        lock (_changing)
        {
            _state = state;
        }

        if (!IsWorker)
        {
            Events.RaiseStateChanged(state); // a server has one life, its master's
        }
    }
}
