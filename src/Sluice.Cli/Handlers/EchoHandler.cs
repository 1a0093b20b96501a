using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Cli.Handlers;

/// <summary>Answers every byte with itself. RFC 862.</summary>
internal sealed class EchoHandler : ConnectionHandler
{
    public override Task OnConnectedAsync(ConnectionContext connection) => EchoAsync(connection.Transport.Input, connection.Transport.Output);

    private static async Task EchoAsync(PipeReader input, PipeWriter output)
    {
        while (await AnswerAsync(await input.ReadAsync(), input, output))
        {
        }
    }

    // Sends what was read from where it lies, without a copy. Apart from the loop above, because what lives across an await is kept by every idle
    // connection, and here nothing does unless the peer is slow.
    private static ValueTask<bool> AnswerAsync(in ReadResult read, PipeReader input, PipeWriter output)
    {
        if (!read.Buffer.IsSingleSegment)
        {
            return AnswerPiecesAsync(read, input, output); // never on Sluice; a middleware may bring other pipes
        }

        ValueTask<FlushResult> sent = output.WriteAsync(read.Buffer.First);
        return sent.IsCompletedSuccessfully ? new(Advance(sent.Result, read, input)) : WaitAsync(sent, read, input);
    }

    private static async ValueTask<bool> WaitAsync(ValueTask<FlushResult> sent, ReadResult read, PipeReader input) => Advance(await sent, read, input);

    private static async ValueTask<bool> AnswerPiecesAsync(ReadResult read, PipeReader input, PipeWriter output)
    {
        FlushResult sent = default;
        foreach (ReadOnlyMemory<byte> piece in read.Buffer)
        {
            sent = await output.WriteAsync(piece);
        }

        return Advance(sent, read, input);
    }

    // Whether there may be more.
    private static bool Advance(in FlushResult sent, in ReadResult read, PipeReader input)
    {
        input.AdvanceTo(read.Buffer.End);
        return !sent.IsCompleted && !read.IsCompleted;
    }
}
