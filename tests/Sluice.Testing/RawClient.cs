using System.Net;
using System.Net.Sockets;
using Sluice.Transports;

namespace Sluice.Testing;

/// <summary>
/// A client that is not our own code where the kernel can be asked instead: a plain Socket for TCP and Unix, and the in-memory transport's
/// only client for memory. Every call fails after <see cref="Eventually.Deadline"/> instead of hanging.
/// </summary>
public abstract class RawClient : IAsyncDisposable
{
    /// <summary>Connects to a listening server's URL.</summary>
    /// <exception cref="PeerResetException">It was accepted and reset at once.</exception>
    public static async Task<RawClient> ConnectAsync(SocketAddressUrl url, int? receiveBuffer = null)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (url.Scheme == "memory")
        {
            return new MemoryRawClient(await SocketClient.ConnectAsync(url.ToString()));
        }

        bool unix = url.Scheme == "unix";
        EndPoint endPoint = unix ? new UnixDomainSocketEndPoint(url.Path) : new IPEndPoint(IPAddress.Parse(url.Host), url.Port);
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, unix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            if (receiveBuffer is { } size)
            {
                socket.ReceiveBufferSize = size;
            }

            await ConnectAsync(socket, endPoint).Within($"connected to {url}");
            if (!unix)
            {
                socket.NoDelay = true;
            }

            return new SocketRawClient(socket);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionReset)
        {
            socket.Dispose();
            throw new PeerResetException("The server had reset the connection before the client heard that it was made.", error);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends everything.</summary>
    public abstract Task SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation = default);

    /// <summary>Receives what is there, at least one byte; 0 is the server's FIN.</summary>
    /// <exception cref="PeerResetException">The server reset the connection.</exception>
    public abstract Task<int> ReceiveAsync(Memory<byte> into, CancellationToken cancellation = default);

    /// <summary>Ends sending; receiving goes on.</summary>
    public abstract void Fin();

    /// <summary>Ends with a reset (TCP, memory) or at once (Unix, which has no reset).</summary>
    public abstract void Reset();

    /// <summary>Receives exactly <paramref name="count"/> bytes.</summary>
    public async Task<byte[]> ReceiveExactlyAsync(int count)
    {
        byte[] bytes = new byte[count];
        for (int got = 0; got < count;)
        {
            int now = await ReceiveAsync(bytes.AsMemory(got));
            if (now == 0)
            {
                throw new EndOfStreamException($"The server ended after {got} of {count} bytes.");
            }

            got += now;
        }

        return bytes;
    }

    /// <summary>Receives until the server's FIN.</summary>
    /// <exception cref="PeerResetException">The server reset instead.</exception>
    public async Task<byte[]> ReceiveToEndAsync()
    {
        var all = new MemoryStream();
        byte[] some = new byte[64 * 1024];
        while (await ReceiveAsync(some) is > 0 and int count)
        {
            all.Write(some, 0, count);
        }

        return all.ToArray();
    }

    /// <summary>Sends text, receives as many bytes: what an echo server must give back.</summary>
    public async Task<string> EchoAsync(string text)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(text);
        await SendAsync(bytes);
        return System.Text.Encoding.UTF8.GetString(await ReceiveExactlyAsync(bytes.Length));
    }

    /// <summary>Waits for the end, whichever way it comes, dropping what the server still sends.</summary>
    /// <returns>Whether it was a reset.</returns>
    public async Task<bool> WaitForEndAsync()
    {
        try
        {
            await ReceiveToEndAsync();
            return false;
        }
        catch (PeerResetException)
        {
            return true;
        }
    }

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();

    // A full accept queue of a Unix socket says EAGAIN where TCP's waits.
    private static async Task ConnectAsync(Socket socket, EndPoint endPoint)
    {
        while (true)
        {
            try
            {
                await socket.ConnectAsync(endPoint);
                return;
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.WouldBlock)
            {
                await Task.Delay(1);
            }
        }
    }
}

/// <summary>The server reset the connection.</summary>
public sealed class PeerResetException(string message, Exception? inner = null) : IOException(message, inner);
