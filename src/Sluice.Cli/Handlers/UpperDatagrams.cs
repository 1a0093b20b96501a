using System.Buffers;

namespace Sluice.Cli.Handlers;

/// <summary>Answers every datagram in upper case, ASCII letters only.</summary>
internal sealed class UpperDatagrams : DatagramHandler
{
    public override ValueTask OnDatagramAsync(DatagramContext context)
    {
        byte[] answer = ArrayPool<byte>.Shared.Rent(context.Payload.Length);
        AsciiBytes.ToUpper(context.Payload.Span, answer);
        ValueTask sent = context.ReplyAsync(answer.AsMemory(0, context.Payload.Length));
        if (!sent.IsCompletedSuccessfully)
        {
            return ReturnAsync(sent, answer);
        }

        ArrayPool<byte>.Shared.Return(answer);
        return sent;
    }

    private static async ValueTask ReturnAsync(ValueTask sent, byte[] answer)
    {
        await sent;
        ArrayPool<byte>.Shared.Return(answer);
    }
}
