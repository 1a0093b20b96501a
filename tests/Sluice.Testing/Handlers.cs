using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Testing;

/// <summary>Handlers that many tests share.</summary>
public static class Handlers
{
    /// <summary>Sends back what it receives until the peer's FIN.</summary>
    public static async Task Echo(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                await output.WriteAsync(segment);
            }

            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>Reads and drops everything, and counts it.</summary>
    public static async Task<long> DrainAsync(PipeReader input)
    {
        ArgumentNullException.ThrowIfNull(input);
        long count = 0;
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            count += result.Buffer.Length;
            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return count;
            }
        }
    }

    /// <summary>Reads exactly <paramref name="count"/> bytes; fewer when the peer ends first.</summary>
    public static async Task<byte[]> ReadExactlyAsync(PipeReader input, int count)
    {
        ArgumentNullException.ThrowIfNull(input);
        while (true)
        {
            ReadResult result = await input.ReadAsync();
            if (result.Buffer.Length >= count || result.IsCompleted)
            {
                ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(count, result.Buffer.Length));
                byte[] bytes = taken.ToArray();
                input.AdvanceTo(taken.End);
                return bytes;
            }

            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }
}
