using Microsoft.AspNetCore.Connections;
using Sluice.Framing;
using Sluice.Requests;

namespace Sluice;

/// <summary>
/// Serves requests, one call for each, wherever they come from: frames of a connection, or datagrams. One object serves all. Nothing here allocates per request.
/// </summary>
public abstract class RequestHandler
{
    /// <summary>
    /// A request has come; what was written into <see cref="RequestContext.Response"/> when the task ends is the reply. Requests of one connection come one after the
    /// other, and are answered in their order; those of several connections, and all datagrams, come on several threads at once in models that serve several at once.
    /// Under an event loop it is called on the loop's thread, which it must not block. What it throws costs its connection, or its datagram.
    /// </summary>
    /// <param name="context">The request, valid until the returned task ends. Not to be kept.</param>
    public abstract ValueTask HandleAsync(RequestContext context);

    /// <summary>
    /// What came is no request: a frame that its format refuses, an end inside a frame, a datagram that was cut (<see cref="FramingError.TooLong"/>). A connection ends
    /// behind this call in an orderly way, since nobody knows where its next frame begins; its requests before are answered. Does nothing unless it is overridden: a
    /// peer's bytes are no failure of the handler, and are not logged. Whoever sets <see cref="RequestContext.HasReply"/> here answers once more.
    /// </summary>
    /// <param name="error">What is wrong.</param>
    /// <param name="context">As for a request; <see cref="RequestContext.Request"/> is empty, or the beginning of the datagram. Not to be kept.</param>
    public virtual ValueTask OnBadFrameAsync(FramingException error, RequestContext context) => default;

    /// <summary>
    /// This handler for connections: each frame is a request, and each reply a frame. Replies to frames that came together are sent together; none waits for input, nor
    /// for the next request's handler. A reply that the format cannot carry is a failure of the handler (SLU0211, <see cref="FramingError.CannotEncode"/>).
    /// </summary>
    /// <param name="framing">Where requests and replies begin and end. Its maximum must be less than <see cref="ServerLimits.MaxUnread"/>.</param>
    public ConnectionHandler AsConnectionHandler(FrameFormat framing)
    {
        ArgumentNullException.ThrowIfNull(framing);
        return new RequestConnectionHandler(this, framing);
    }

    /// <summary>This handler for datagrams: each is a request, and each reply a datagram to its sender.</summary>
    public DatagramHandler AsDatagramHandler() => new RequestDatagramHandler(this);
}
