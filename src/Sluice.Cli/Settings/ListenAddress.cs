using Sluice.Transports;

namespace Sluice.Cli.Settings;

/// <summary>An address of <c>--listen</c>: a URL, and behind it the model of its own if it has one, as in <c>udp://127.0.0.1:9000?model=epoll</c>.</summary>
/// <param name="Url">The address.</param>
/// <param name="Model">What serves it; null is the server's model.</param>
internal sealed record ListenAddress(SocketAddressUrl Url, string? Model)
{
    private const string ModelMark = "?model=";

    /// <summary>Reads it, or throws SLU0001.</summary>
    public static ListenAddress Parse(string text)
    {
        int mark = text.LastIndexOf(ModelMark, StringComparison.Ordinal);
        return mark < 0 ? new(SocketAddressUrl.Parse(text), Model: null) : new(SocketAddressUrl.Parse(text[..mark]), text[(mark + ModelMark.Length)..]);
    }

    /// <summary>Reads all of a plan.</summary>
    public static ListenAddress[] All(SocketServerOptions options) => [.. options.Listen.Select(Parse)];
}
