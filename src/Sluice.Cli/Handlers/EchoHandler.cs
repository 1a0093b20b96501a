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
        int count = (int)received.Length;
        received.CopyTo(output.GetSpan(count));
        output.Advance(count);
        input.AdvanceTo(received.End);
        return read.IsCompleted;
    }
}
