using Microsoft.AspNetCore.Connections;

namespace Sluice.Cli.Handlers;

/// <summary>The handlers of <c>sluice serve</c>, by name: for connections, and for datagrams where the protocol has them.</summary>
internal static class BuiltInHandlers
{
    private static readonly (string Name, Func<ConnectionHandler> Connections, Func<DatagramHandler>? Datagrams)[] All =
    [
        ("echo", () => new EchoHandler(), () => new EchoDatagrams()),
        ("upper", () => new UpperHandler(), () => new UpperDatagrams()),
        ("discard", () => new DiscardHandler(), () => new DiscardDatagrams()),
        ("chargen", () => new ChargenHandler(), null), // RFC 864 has it answer more than it was sent, to whoever the sender says it is
        ("daytime", () => new DaytimeHandler(TimeProvider.System), () => new DaytimeDatagrams(TimeProvider.System)),
    ];

    public static string Names => string.Join(", ", All.Select(handler => handler.Name));

    public static ServedHandlers Make(string name)
    {
        (string Name, Func<ConnectionHandler> Connections, Func<DatagramHandler>? Datagrams) found = Array.Find(All, handler => handler.Name == name);
        return found.Name is null
            ? throw new UsageException($"there is no handler '{name}'; use one of: {Names}")
            : new ServedHandlers(found.Connections(), found.Datagrams?.Invoke());
    }
}

/// <summary>What a command serves.</summary>
/// <param name="Connections">The handler of connections.</param>
/// <param name="Datagrams">The handler of datagrams; null: it serves none.</param>
internal sealed record ServedHandlers(ConnectionHandler Connections, DatagramHandler? Datagrams = null)
{
    public SocketServer Server(SocketServerOptions options, Microsoft.Extensions.Logging.ILoggerFactory loggers) =>
        Datagrams is null ? new(Connections, options, loggers) : new(Connections, Datagrams, options, loggers);
}
