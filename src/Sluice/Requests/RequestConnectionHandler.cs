using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Sluice.Framing;

namespace Sluice.Requests;

/// <summary>A connection's frames as requests: reads, has them answered in their order, and sends the replies of one read together.</summary>
internal sealed class RequestConnectionHandler(RequestHandler handler, FrameFormat framing) : ConnectionHandler, IHandlerAdapter
{
    // A read may bring thousands of requests: replies are sent when they are so many bytes, at the latest.
    private const int MostUnsent = 64 * 1024;

    public object Handler => handler;

    // Waits in the handler's own task, as loops have it best, and holds next to nothing then: what a request needs is in AnswerAsync.
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        var frames = new FrameReader(connection.Transport.Input, framing);
        do
        {
            frames.Take(await frames.Input.ReadAsync());
        }
        while (await AnswerAsync(frames, connection));
    }

    // Answers what one read has brought. False: the connection ends. Its box is used again, if it has to wait at all.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> AnswerAsync(FrameReader frames, ConnectionContext connection)
    {
        PipeWriter output = connection.Transport.Output;
        RequestContext context = RequestContexts.Rent();
        bool goesOn = true;
        int unsent = 0;
        try
        {
            while (goesOn && TryNext(frames, out FramingException? wrong))
            {
                ValueTask handling = Call(context, connection, frames, wrong);
                if (unsent > 0 && !handling.IsCompleted)
                {
                    goesOn = await FlushMeanwhileAsync(output, handling);
                    unsent = 0;
                }
                else
                {
                    await handling;
                }

                goesOn &= wrong is null && !context.IsLast;
                if (context.HasReply)
                {
                    framing.Write(output, context.Reply.Span);
                    unsent += 1 + context.Reply.Length;
                }

                if (unsent > MostUnsent)
                {
                    goesOn &= !(await output.FlushAsync()).IsCompleted;
                    unsent = 0;
                }
            }
        }
        finally
        {
            RequestContexts.Return(context);
        }

        goesOn = goesOn && !frames.IsAtEnd();
        frames.LetGo();
        return unsent > 0 ? !(await output.FlushAsync()).IsCompleted && goesOn : goesOn;
    }

    // A request, or what is wrong with it: the peer's doing, so it is told and not thrown.
    private static bool TryNext(FrameReader frames, out FramingException? wrong)
    {
        wrong = null;
        try
        {
            return frames.TryRead() || IsCutShort(frames);
        }
        catch (FramingException error)
        {
            wrong = error;
            return true;
        }
    }

    // Throws if it is.
    private static bool IsCutShort(FrameReader frames)
    {
        frames.IsAtEnd();
        return false;
    }

    private ValueTask Call(RequestContext context, ConnectionContext connection, FrameReader frames, FramingException? wrong)
    {
        context.Begin(connection, frames.Frame);
        if (wrong is null)
        {
            return handler.HandleAsync(context);
        }

        context.HasReply = false;
        return handler.OnBadFrameAsync(wrong, context);
    }

    // Replies that are ready do not wait for a request that does. The handler is waited for in any case, since the context is in its hands.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<bool> FlushMeanwhileAsync(PipeWriter output, ValueTask handling)
    {
        bool goesOn;
        try
        {
            goesOn = !(await output.FlushAsync()).IsCompleted;
        }
        finally
        {
            await handling;
        }

        return goesOn;
    }
}
