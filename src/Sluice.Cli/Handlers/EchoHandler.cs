using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Cli.Handlers;

/// <summary>Answers every byte with itself. RFC 862.</summary>
internal sealed class EchoHandler : ConnectionHandler
{
    public override Task OnConnectedAsync(ConnectionContext connection) => EchoAsync(connection.Transport.Input, connection.Transport.Output);

    // What lives across an await is kept by every idle connection, and here nothing does unless the peer is slow.
    private static async Task EchoAsync(PipeReader input, PipeWriter output)
    {
        bool more;
        do
        {
            more = Answer(await input.ReadAsync(), input, output, out Task<bool>? slow);
            if (slow is not null)
            {
                more = await slow;
            }
        }
        while (more);
    }

    // Sends what was read from where it lies, without a copy. Returns whether there may be more, or has slow tell it.
    private static bool Answer(in ReadResult read, PipeReader input, PipeWriter output, out Task<bool>? slow)
    {
        ReadOnlySequence<byte> bytes = read.Buffer;
        if (bytes.IsSingleSegment)
        {
            ValueTask<FlushResult> sent = output.WriteAsync(bytes.First);
            if (sent.IsCompletedSuccessfully)
            {
                slow = null;
                input.AdvanceTo(bytes.End);
                return !sent.Result.IsCompleted && !read.IsCompleted;
            }

            slow = WaitAsync(sent, read, input);
        }
        else
        {
            slow = AnswerPiecesAsync(read, input, output); // never on Sluice; a middleware may bring other pipes
        }

        return true;
    }

    private static async Task<bool> WaitAsync(ValueTask<FlushResult> sent, ReadResult read, PipeReader input) => Advance(await sent, read, input);

    private static async Task<bool> AnswerPiecesAsync(ReadResult read, PipeReader input, PipeWriter output)
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
