using Microsoft.AspNetCore.Connections;

namespace Sluice.Cli.Handlers;

/// <summary>The handlers of <c>sluice serve</c>, by name.</summary>
internal static class BuiltInHandlers
{
    private static readonly (string Name, Func<ConnectionHandler> Make)[] All =
    [
        ("echo", () => new EchoHandler()),
        ("upper", () => new UpperHandler()),
        ("discard", () => new DiscardHandler()),
        ("chargen", () => new ChargenHandler()),
        ("daytime", () => new DaytimeHandler(TimeProvider.System)),
    ];

    public static string Names => string.Join(", ", All.Select(handler => handler.Name));

    public static ConnectionHandler Make(string name) => Array.Find(All, handler => handler.Name == name).Make?.Invoke()
        ?? throw new UsageException($"there is no handler '{name}'; use one of: {Names}");
}
