using System.Buffers;
using System.Text;
using Sluice.Framing;

namespace Sluice.Tests.Requests;

/// <summary>Answers with the request.</summary>
internal class EchoRequests : RequestHandler
{
    public override ValueTask HandleAsync(RequestContext context)
    {
        context.Response.Write(context.Request.Span);
        return default;
    }
}

/// <summary>Does what each request says.</summary>
internal sealed class ObedientRequests : RequestHandler
{
    private TaskCompletionSource? _gate;

    /// <summary>Lets the request "wait" go on.</summary>
    public TaskCompletionSource Gate => _gate ??= new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Handled { get; private set; }

    public List<FramingError> Wrong { get; } = [];

    public string? LastWord { get; init; }

    public override async ValueTask HandleAsync(RequestContext context)
    {
        string request = Encoding.Latin1.GetString(context.Request.Span);
        switch (request)
        {
            case "none":
                context.Response.Write("never seen"u8);
                context.HasReply = false;
                break;
            case "empty":
                break;
            case "bye":
                context.Response.Write("goodbye"u8);
                context.IsLast = true;
                break;
            case "two lines":
                context.Response.Write("a\nb"u8);
                break;
            case "throw":
                throw new InvalidDataException("as it was told");
            case "wait":
                await Gate.Task;
                context.Response.Write("waited"u8);
                break;
            case "long":
                context.Response.Write(new byte[10_000]);
                break;
            default:
                context.Response.Write(context.Request.Span);
                break;
        }

        Handled++;
    }

    public override ValueTask OnBadFrameAsync(FramingException error, RequestContext context)
    {
        Wrong.Add(error.Reason);
        if (LastWord is not null)
        {
            context.Response.Write(Encoding.Latin1.GetBytes(LastWord));
            context.HasReply = true;
        }

        return default;
    }
}

/// <summary>As a room of chat would say of itself.</summary>
[SharesState]
internal sealed class SharingRequests : EchoRequests;
