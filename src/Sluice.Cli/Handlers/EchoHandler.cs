using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Cli.Handlers;

/// <summary>Answers every byte with itself. RFC 862.</summary>
internal sealed class EchoHandler : ConnectionHandler
{
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        while (true)
        {
            bool isLast = Copy(await input.ReadAsync(), input, output);
            if ((await output.FlushAsync()).IsCompleted || isLast)
            {
                return;
            }
        }
    }

    // What lives across an await is kept by every idle connection: a bit, instead of the whole result.
    private static bool Copy(in ReadResult read, PipeReader input, PipeWriter output)
    {
        ReadOnlySequence<byte> received = read.Buffer;
        if (received.IsSingleSegment)
        {
            Write(received.FirstSpan, output); // always, on Sluice; a middleware may bring other pipes
        }
        else
        {
            foreach (ReadOnlyMemory<byte> piece in received)
            {
                Write(piece.Span, output);
            }
        }

        input.AdvanceTo(received.End);
        return read.IsCompleted;
    }

    // Not the extension method of this name, which goes through an interface.
    private static void Write(ReadOnlySpan<byte> bytes, PipeWriter output)
    {
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
    }
}
