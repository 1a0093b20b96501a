using System.Runtime.CompilerServices;
using Sluice.Framing;

namespace Sluice.Requests;

/// <summary>Datagrams as requests: each is one, and is answered by one.</summary>
internal sealed class RequestDatagramHandler(RequestHandler handler) : DatagramHandler, IHandlerAdapter
{
    public object Handler => handler;

    // Its box is used again, if it has to wait at all.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask OnDatagramAsync(DatagramContext context)
    {
        RequestContext request = RequestContexts.Rent();
        try
        {
            request.Begin(context);
            await (context.IsTruncated ? RefuseAsync(request) : handler.HandleAsync(request));
            if (request.HasReply)
            {
                await context.ReplyAsync(request.Reply);
            }
        }
        finally
        {
            RequestContexts.Return(request);
        }
    }

    // A part of a request is none.
    private ValueTask RefuseAsync(RequestContext request)
    {
        request.HasReply = false;
        return handler.OnBadFrameAsync(
            new FramingException(FramingError.TooLong, $"a datagram was cut at {request.Request.Length} bytes; the peer sends something else, or DatagramOptions.MaxSize is to be raised"), request);
    }
}
