using System.Net;
using System.Reflection;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Diagnostics;
using Sluice.Models;
using Sluice.Restarting;
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
    private readonly (SocketAddressUrl Url, Transport Transport)[] _addresses;
    private readonly ConnectionDelegate _handler;
    private readonly string _handlerName;
    private readonly bool _handsOver;
    private readonly ConnectionTable _table = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Listener> _listeners = [];
    private readonly Lock _changing = new();

    // Set under _changing, when listening begins.
    private ConnectionGate? _gate;
    private ConnectionRunner? _runner;
    private LimitSweep? _sweep;
    private ServerContext? _context;
    private Task? _serving;
    private Task<DrainReport>? _stopping;
    private ServerState _state;
    private long _drainDeadline = long.MaxValue;

    /// <summary>Builds a server for <paramref name="handler"/>.</summary>
    /// <exception cref="SluiceException">What is wrong with the options, by id.</exception>
    public SocketServer(ConnectionHandler handler, SocketServerOptions options, ILoggerFactory? loggers = null)
        : this((handler ?? throw new ArgumentNullException(nameof(handler))).OnConnectedAsync, options, loggers, sharesState: OptionsCheck.SharesState(handler))
    {
    }

    internal SocketServer(
        ConnectionDelegate handler, SocketServerOptions options, ILoggerFactory? loggers, ConcurrencyModel? model = null, bool sharesState = false, bool handsOver = false)
    {
        ArgumentNullException.ThrowIfNull(options);
        _handler = handler;
        _handlerName = handler.Target is ConnectionHandler typed ? typed.GetType().Name : NameOf(handler.Method);
        _options = options;
        _handsOver = handsOver || handler.Target is ExecHandler;
        _model = model ?? (options.Model != AutoModel ? ConcurrencyModels.Find(options.Model)
            : _handsOver ? ConcurrencyModels.AutoForPrograms
            : !OptionsCheck.HasDescriptors(options) ? ConcurrencyModels.AutoWithoutDescriptors
            : options.Sockets.PassDescriptors ? ConcurrencyModels.AutoForDescriptors
            : ConcurrencyModels.Auto);
        _addresses = OptionsCheck.Check(options, _model);
        OptionsCheck.CheckState(sharesState, _model);
        if (_handsOver)
        {
            OptionsCheck.CheckHandOver(options, _model, _addresses);
        }

        Events = new ServerEvents();
        Metrics = new ServerMetrics(Events, _model.Name);
        ServerLog.Attach(Events, loggers, _model.Name);
    }

    /// <summary>The model that serves, <c>auto</c> resolved.</summary>
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

    /// <summary>The listening sockets, in the order of the URLs; empty before listening. Their handles may be watched by a foreign loop.</summary>
    public IReadOnlyList<Listener> Listeners => _listeners;

    /// <summary>The bound addresses, in the order of the URLs; empty before listening.</summary>
    public IReadOnlyList<EndPoint> LocalEndPoints => [.. _listeners.Select(listener => listener.LocalEndPoint)];

    /// <summary>The bound addresses as a client writes them, with their real ports.</summary>
    public IReadOnlyList<SocketAddressUrl> LocalUrls => [.. _listeners.Select(listener => listener.Url)];

    /// <summary>The hard maximum of connections in force; 0 before listening.</summary>
    public int MaxConnections => _gate?.Maximum ?? 0;

    /// <summary>Connections served now.</summary>
    public int Connections => _table.Count;

    internal ServerMetrics Metrics { get; }

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
        ServerContext context;
        lock (_changing)
        {
            BindOnce();
            if (_serving is not null)
            {
                throw new SluiceException(ErrorIds.WrongState, "the server serves already; make another one to serve twice");
            }

            _context = context = Context(budget: null, Timeout.InfiniteTimeSpan);
            _serving = _model.RunAsync(context, _stop.Token);
        }

        try
        {
            await context.Started;
        }
        catch
        {
            _ = _serving.ContinueWith(static serving => serving.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default); // it says the same
            throw;
        }

        if (_serving.IsFaulted)
        {
            await _serving;
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
    /// Serves one connection, of whichever listener has one first, and returns when its handler has ended. Binds first if need be. For a loop
    /// of one's own that watches <see cref="Listeners"/>; socketserver's <c>handle_request</c>.
    /// </summary>
    /// <param name="timeout">How long to wait for the connection (not for its handler); null is for ever.</param>
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

            context = Context(budget: 1, timeout ?? Timeout.InfiniteTimeSpan);
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

        return came;
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
            foreach ((SocketAddressUrl url, Transport transport) in _addresses)
            {
                _listeners.AddRange(InheritOrBind(url, transport));
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

        Prepare(DescriptorRoom.Maximum(_options, _model, Events, _handsOver));
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
        _runner = new ConnectionRunner(_handler, settings, _gate, _table, Events);
        _sweep = new LimitSweep(_options.Limits, _table, Metrics);
    }

    private ServerContext Context(int? budget, TimeSpan timeout) => new()
    {
        Listeners = [.. _listeners.OfType<StreamListener>()],
        Datagrams = [.. _listeners.OfType<DatagramListener>()],
        Options = _options,
        Gate = _gate!,
        Runner = _runner!,
        Events = Events,
        Table = _table,
        HandlerName = _handlerName,
        AcceptBudget = budget,
        AcceptTimeout = timeout,
    };

    // A lambda is told by the method that it was written in: Program.Main, of <>c.<Main>b__0_0.
    private static string NameOf(MethodInfo method)
    {
        Type? type = method.DeclaringType;
        while (type is { DeclaringType: not null } && type.Name.StartsWith('<'))
        {
            type = type.DeclaringType;
        }

        string name = method.Name.StartsWith('<') && method.Name.IndexOf('>', StringComparison.Ordinal) is > 1 and int end ? method.Name[1..end] : method.Name;
        return type is null ? name : $"{type.Name}.{name}";
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
