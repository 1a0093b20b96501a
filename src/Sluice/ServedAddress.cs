using Sluice.Models;
using Sluice.Transports;

namespace Sluice;

/// <summary>An address of a server, with what serves it. It is written as a URL, and where it has a model of its own, with that behind it: <c>udp://127.0.0.1:9000?model=epoll</c>.</summary>
/// <param name="Url">The address.</param>
/// <param name="Transport">What binds it.</param>
/// <param name="Model">What serves it.</param>
internal sealed record ServedAddress(SocketAddressUrl Url, Transport Transport, ConcurrencyModel Model)
{
    private const string ModelMark = "?model=";

    /// <summary>The two parts of what was written; the second is null where it is not there.</summary>
    public static (string Url, string? Model) Split(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int mark = text.LastIndexOf(ModelMark, StringComparison.Ordinal);
        return mark < 0 ? (text, null) : (text[..mark], text[(mark + ModelMark.Length)..]);
    }

    /// <summary>The same, written as one.</summary>
    public static string Join(string url, string? model) => model is null ? url : url + ModelMark + model;
}
