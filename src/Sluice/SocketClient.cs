using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Sluice.Connections;
using Sluice.Transports;

namespace Sluice;

/// <summary>Connects to a socket server over any stream transport.</summary>
public static class SocketClient
{
    /// <summary>
    /// Connects to <paramref name="url"/> (<c>tcp://</c>, <c>unix://</c>, <c>memory://</c>) and gives the connection, with the same direct
    /// pipes that a handler has. Dispose it to close: what was written is sent first.
    /// </summary>
    /// <exception cref="SluiceException">SLU0001 or SLU0002 for the URL, SLU0501 when nobody answers, SLU0502 after the timeout.</exception>
    public static async ValueTask<ConnectionContext> ConnectAsync(string url, SocketClientOptions? options = null, CancellationToken cancellation = default)
    {
        options ??= new SocketClientOptions();
        SocketAddressUrl address = SocketAddressUrl.Parse(url);
        Transport transport = BuiltInTransports.For(address);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(options.ConnectTimeout);
        try
        {
            StreamSocket socket = await transport.ConnectAsync(address, options, timeout.Token);
            var settings = new ConnectionSettings { MaxUnread = options.MaxUnread, MaxSendQueue = options.MaxSendQueue, Linger = options.Linger };
            if (options.Blocking)
            {
                return new BlockingConnection(socket, settings);
            }

            return AsyncConnection.TryCreate(socket, settings, out AsyncConnection? connection)
                ? connection
                : throw new SluiceException(ErrorIds.CannotConnect, $"cannot connect to {address}: the system cannot watch another socket (fs.epoll.max_user_watches, memory)");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new SluiceException(ErrorIds.ConnectTimeout, $"cannot connect to {address}: no answer within {options.ConnectTimeout.TotalSeconds:0.#} s; is the address right, and the server up?");
        }
        catch (SocketException error)
        {
            throw new SluiceException(ErrorIds.CannotConnect, Describe(address, error), error);
        }
    }

    private static string Describe(SocketAddressUrl address, SocketException error) => error.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => $"cannot connect to {address}: nobody listens there; start the server first, or check the address",
        SocketError.AddressNotAvailable when address.Path.Length > 0 => $"cannot connect to {address}: there is no such socket; start the server first, or check the path",
        SocketError.AccessDenied => $"cannot connect to {address}: no permission; ask for access to the socket",
        _ => $"cannot connect to {address}: {error.Message}",
    };
}
