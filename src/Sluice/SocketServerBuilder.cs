using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Sluice.Framing;

namespace Sluice;

/// <summary>
/// Builds a server step by step. It is ASP.NET's <see cref="IConnectionBuilder"/>, so connection middleware (logging, TLS, PROXY protocol)
/// wraps any handler with <c>Use…</c>.
/// </summary>
public sealed class SocketServerBuilder : IConnectionBuilder
{
    private readonly List<Func<ConnectionDelegate, ConnectionDelegate>> _middleware = [];
    private readonly SocketServerOptions _options = new();
    private ConnectionDelegate? _handler;
    private DatagramHandler? _datagrams;
    private bool _sharesState;
    private ILoggerFactory? _loggers;

    /// <summary>Services for middleware that asks for them. Defaults to none.</summary>
    public IServiceProvider ApplicationServices { get; set; } = NoServices.Instance;

    /// <summary>Adds an address to listen on. Defaults to the server's model; another one serves this address alone.</summary>
    public SocketServerBuilder Listen(string url, string? model = null)
    {
        _options.Listen.Add(ServedAddress.Join(url, model));
        return this;
    }

    /// <summary>Chooses the concurrency model. Defaults to <c>auto</c>.</summary>
    public SocketServerBuilder UseModel(string name)
    {
        _options.Model = name;
        return this;
    }

    /// <summary>Sets the handler. One object serves all connections.</summary>
    public SocketServerBuilder Handle(ConnectionHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        (_handler, _sharesState) = (handler.OnConnectedAsync, OptionsCheck.SharesState(handler));
        return this;
    }

    /// <summary>Sets the handler as a function.</summary>
    public SocketServerBuilder Handle(Func<ConnectionContext, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        (_handler, _sharesState) = (new ConnectionDelegate(handler), false);
        return this;
    }

    /// <summary>Sets the handler of datagrams. One object serves all.</summary>
    public SocketServerBuilder HandleDatagrams(DatagramHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        _datagrams = handler;
        return this;
    }

    /// <summary>
    /// Sets the handler of requests, for connections and datagrams alike: <paramref name="framing"/> says where a request and a reply end on a connection, and a
    /// datagram is one.
    /// </summary>
    public SocketServerBuilder HandleRequests(RequestHandler handler, FrameFormat framing)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return Handle(handler.AsConnectionHandler(framing)).HandleDatagrams(handler.AsDatagramHandler());
    }

    /// <summary>Changes any option.</summary>
    public SocketServerBuilder Configure(Action<SocketServerOptions> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        change(_options);
        return this;
    }

    /// <summary>Logs through <paramref name="loggers"/>, category <c>Sluice.Server</c>. Defaults to no log.</summary>
    public SocketServerBuilder LogTo(ILoggerFactory loggers)
    {
        _loggers = loggers;
        return this;
    }

    /// <summary>Wraps what is added after it. The first one added is the outermost.</summary>
    public SocketServerBuilder Use(Func<ConnectionDelegate, ConnectionDelegate> middleware)
    {
        ArgumentNullException.ThrowIfNull(middleware);
        _middleware.Add(middleware);
        return this;
    }

    IConnectionBuilder IConnectionBuilder.Use(Func<ConnectionDelegate, ConnectionDelegate> middleware) => Use(middleware);

    ConnectionDelegate IConnectionBuilder.Build() => Pipeline();

    /// <summary>Checks everything and builds the server.</summary>
    /// <exception cref="SluiceException">What cannot work, by id.</exception>
    public SocketServer Build() => new(
        new ServerHandlers(_datagrams is not null && _handler is null && _middleware.Count == 0 ? null : Pipeline(), _datagrams)
        {
            SharesState = _sharesState || (_datagrams is not null && OptionsCheck.SharesState(_datagrams)),
            HandsOver = _handler?.Target is ExecHandler,
        }, _options, _loggers);

    private ConnectionDelegate Pipeline()
    {
        ConnectionDelegate pipeline = _handler ?? (_middleware.Count > 0
            ? static _ => Task.CompletedTask // a middleware that ends the pipeline, as UseConnectionHandler is
            : throw new SluiceException(ErrorIds.NoHandler, "the server has no handler; call Handle(…) before Build()"));
        for (int i = _middleware.Count - 1; i >= 0; i--)
        {
            pipeline = _middleware[i](pipeline);
        }

        return pipeline;
    }

    private sealed class NoServices : IServiceProvider
    {
        public static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }
}
