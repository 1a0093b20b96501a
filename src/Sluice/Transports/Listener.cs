using System.Net;
using System.Runtime.InteropServices;

namespace Sluice.Transports;

/// <summary>
/// A bound socket that a server serves: of connections or of datagrams. Its handle is public, so that a foreign loop can watch it and call
/// <c>HandleOneAsync</c> when it is readable.
/// </summary>
public abstract class Listener : IAsyncDisposable
{
    private protected Listener(SocketAddressUrl url) => Url = url;

    /// <summary>The address as a client would write it, with the real port.</summary>
    public SocketAddressUrl Url { get; }

    /// <summary>What comes here.</summary>
    public abstract TransportKind Kind { get; }

    /// <summary>The socket; null for the in-memory transport, which descriptor models refuse (SLU0103).</summary>
    public abstract SafeHandle? Handle { get; }

    /// <summary>The bound address.</summary>
    public abstract EndPoint LocalEndPoint { get; }

    /// <summary>The name of the model that serves it; empty before a server has it.</summary>
    public string Model { get; internal set; } = "";

    /// <summary>Closes the socket and removes its file, if it has one. Safe to call more than once.</summary>
    public ValueTask DisposeAsync()
    {
        Close();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>What the options say of the sockets that are accepted and the system does not keep with the listening one. Before the first is accepted.</summary>
    internal virtual void Apply(ListenOptions options)
    {
    }

    /// <summary>Stops listening, now: whoever connects from here on is refused by the system.</summary>
    internal abstract void Close();

    /// <summary>
    /// Other processes accept on the same socket and go on: from now on <see cref="Close"/> closes this process's descriptor, and neither ends the socket nor
    /// removes its file. From any thread.
    /// </summary>
    internal virtual void Share()
    {
    }

    /// <summary>Nobody else is left who would go on: the end of this one is the socket's. From any thread.</summary>
    internal virtual void Own()
    {
    }

    /// <summary>The URL that the server was told, by which the process that replaces this one knows it; null before a server has it.</summary>
    internal string? AskedFor { get; set; }

    /// <summary>Whether it was closed. Said before its descriptor becomes readable by that. From any thread.</summary>
    internal virtual bool IsClosed => false;

    /// <summary>Whether it came from another process, which accepts or accepted from it too.</summary>
    internal virtual bool IsAdopted => false;
}
