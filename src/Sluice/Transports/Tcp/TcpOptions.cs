using System.Net.Sockets;

namespace Sluice.Transports.Tcp;

/// <summary>The options of a TCP listener. Set on the listener, they cost nothing per connection: accepted sockets inherit them.</summary>
internal static class TcpOptions
{
    // The kernel's numbers. tcp(7).
    private const int IpProtoTcp = 6;
    private const int TcpUserTimeout = 18;

    public static void Apply(Socket socket, ListenOptions options)
    {
        RawSocketOptions.SetReuse(socket, options.ReuseAddress, options.ReusePort);
        socket.NoDelay = options.NoDelay;
        if (options.KeepAlive is { } keepAlive)
        {
            int seconds = Math.Max(1, (int)keepAlive.TotalSeconds);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, seconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, seconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, options.KeepAliveProbes);
        }

        if (options.UserTimeout is { } userTimeout)
        {
            RawSocketOptions.Set(socket, IpProtoTcp, TcpUserTimeout, (int)userTimeout.TotalMilliseconds);
        }
    }
}
