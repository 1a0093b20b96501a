using System.Net.Sockets;

namespace Sluice.Transports.Tcp;

/// <summary>The options of a TCP listener. Set on the listener, they cost nothing per connection: accepted sockets inherit them.</summary>
internal static class TcpOptions
{
    // The kernel's numbers, for SetRawSocketOption. socket(7), tcp(7).
    private const int SolSocket = 1;
    private const int SoReuseAddress = 2;
    private const int SoReusePort = 15;
    private const int IpProtoTcp = 6;
    private const int TcpUserTimeout = 18;

    public static void Apply(Socket socket, ListenOptions options)
    {
        // .NET's ReuseAddress sets SO_REUSEPORT too, by which two servers silently share a port.
        SetRaw(socket, SolSocket, SoReuseAddress, options.ReuseAddress ? 1 : 0);
        SetRaw(socket, SolSocket, SoReusePort, options.ReusePort ? 1 : 0);
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
            SetRaw(socket, IpProtoTcp, TcpUserTimeout, (int)userTimeout.TotalMilliseconds);
        }
    }

    private static void SetRaw(Socket socket, int level, int name, int value) => socket.SetRawSocketOption(level, name, BitConverter.GetBytes(value));
}
