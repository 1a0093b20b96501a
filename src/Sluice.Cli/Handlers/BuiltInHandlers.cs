using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Sluice.Cli.Settings;

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
            : new ServedHandlers(name, found.Connections(), found.Datagrams?.Invoke())
            {
                OfDatagrams = string.Join(", ", All.Where(handler => handler.Datagrams is not null).Select(handler => handler.Name)),
            };
    }
}

/// <summary>What a command serves.</summary>
/// <param name="Name">What the command line calls it.</param>
/// <param name="Connections">The handler of connections.</param>
/// <param name="Datagrams">The handler of datagrams; null: it serves none.</param>
internal sealed record ServedHandlers(string Name, ConnectionHandler Connections, DatagramHandler? Datagrams = null)
{
    /// <summary>Others that serve datagrams, by name; null: the command has none.</summary>
    public string? OfDatagrams { get; init; }

    public SocketServer Server(SocketServerOptions options, ILoggerFactory loggers)
    {
        try
        {
            return Datagrams is null ? new(Connections, options, loggers) : new(Connections, Datagrams, options, loggers);
        }
        catch (SluiceException error) when (error.Id == ErrorIds.NoHandlerForKind)
        {
            // The library advises to write a handler.
            IEnumerable<string> places = ListenAddress.All(options).Where(address => address.Url.Scheme is not ("tcp" or "unix")).Select(address => address.Url.ToString());
            throw new UsageException(ErrorIds.NoHandlerForKind,
                $"{Name} serves connections only, and datagrams come to {string.Join(" or ", places)}; listen on tcp:// or unix://{(OfDatagrams is null ? "" : $", or serve one of: {OfDatagrams}")}");
        }
    }
}
