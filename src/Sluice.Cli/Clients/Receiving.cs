using System.Buffers;
using System.IO.Pipelines;

namespace Sluice.Cli.Clients;

/// <summary>Python's <c>recv</c> and <c>readline</c> over a PipeReader.</summary>
internal static class Receiving
{
    /// <summary>What one <c>recv(most)</c> would return: what is there, at most so many bytes; the rest stays for the next. Empty at the end.</summary>
    public static async ValueTask<byte[]> ReceiveAsync(this PipeReader input, int most)
    {
        ReadResult read = await input.ReadAsync();
        ReadOnlySequence<byte> message = read.Buffer.Length > most ? read.Buffer.Slice(0, most) : read.Buffer;
        byte[] bytes = message.ToArray();
        input.AdvanceTo(message.End);
        return bytes;
    }

    /// <summary>A line with its <c>\n</c>, or what comes before the end of the stream. Empty at the end.</summary>
    public static async ValueTask<byte[]> ReadLineAsync(this PipeReader input)
    {
        while (true)
        {
            ReadResult read = await input.ReadAsync();
            ReadOnlySequence<byte> buffer = read.Buffer;
            SequencePosition? end = buffer.PositionOf((byte)'\n') is { } newline ? buffer.GetPosition(1, newline) : read.IsCompleted ? buffer.End : null;
            if (end is { } found)
            {
                byte[] line = buffer.Slice(0, found).ToArray();
                input.AdvanceTo(found);
                return line;
            }

            input.AdvanceTo(buffer.Start, buffer.End);
        }
    }
}
