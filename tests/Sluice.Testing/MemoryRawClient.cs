using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Testing;

/// <summary>A client over the in-memory transport.</summary>
public sealed class MemoryRawClient(ConnectionContext connection) : RawClient
{
    /// <inheritdoc/>
    public override async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Eventually.Deadline);
        try
        {
            await connection.Transport.Output.WriteAsync(bytes, limit.Token);
        }
        catch (ConnectionResetException error)
        {
            throw new PeerResetException("The server ended the connection while it was sent to.", error);
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException("The server took no bytes in time.", late);
        }
    }

    /// <inheritdoc/>
    public override async Task<int> ReceiveAsync(Memory<byte> into, CancellationToken cancellation = default)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Eventually.Deadline);
        try
        {
            ReadResult result = await connection.Transport.Input.ReadAsync(limit.Token);
            if (result.Buffer.IsEmpty && connection.Features.Get<IConnectionCloseReason>()!.CloseReason == CloseReason.PeerReset)
            {
                throw new PeerResetException("The server reset the connection.");
            }

            ReadOnlySequence<byte> taken = result.Buffer.Slice(0, Math.Min(into.Length, result.Buffer.Length));
            taken.CopyTo(into.Span);
            connection.Transport.Input.AdvanceTo(taken.End);
            return (int)taken.Length;
        }
        catch (ConnectionResetException error)
        {
            throw new PeerResetException("The server reset the connection.", error);
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException("The server sent nothing in time.", late);
        }
    }

    /// <inheritdoc/>
    public override void Fin() => connection.Transport.Output.Complete();

    /// <inheritdoc/>
    public override void Reset()
    {
        connection.Abort();
        _ = connection.DisposeAsync().AsTask();
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => connection.DisposeAsync();
}
