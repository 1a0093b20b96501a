using System.Net.Sockets;

namespace Sluice.Testing;

/// <summary>A client over a socket of the kernel.</summary>
public sealed class SocketRawClient(Socket socket) : RawClient
{
    /// <summary>The socket itself, for what a test needs beyond this.</summary>
    public Socket Socket => socket;

    /// <inheritdoc/>
    public override async Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default)
    {
        using CancellationTokenSource limit = Limit(cancellation);
        try
        {
            while (bytes.Length > 0)
            {
                bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None, limit.Token)..];
            }
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown or SocketError.ConnectionAborted)
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
        using CancellationTokenSource limit = Limit(cancellation);
        try
        {
            return await socket.ReceiveAsync(into, SocketFlags.None, limit.Token);
        }
        catch (SocketException error) when (error.SocketErrorCode is SocketError.ConnectionReset)
        {
            throw new PeerResetException("The server reset the connection.", error);
        }
        catch (OperationCanceledException late) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException("The server sent nothing in time.", late);
        }
    }

    /// <inheritdoc/>
    public override void Fin() => socket.Shutdown(SocketShutdown.Send);

    /// <inheritdoc/>
    public override void Reset()
    {
        if (socket.AddressFamily != AddressFamily.Unix)
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }

        socket.Close();
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync()
    {
        socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private static CancellationTokenSource Limit(CancellationToken cancellation)
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Eventually.Deadline);
        return limit;
    }
}
