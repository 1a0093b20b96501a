using System.Net.Sockets;

namespace Sluice.Transports;

/// <summary>Socket options by the kernel's numbers. socket(7).</summary>
internal static class RawSocketOptions
{
    private const int SolSocket = 1;
    private const int SoReuseAddress = 2;
    private const int SoReusePort = 15;

    /// <summary>SO_REUSEADDR and SO_REUSEPORT, each by itself: .NET's ReuseAddress sets both, by which two servers silently share a port.</summary>
    public static void SetReuse(Socket socket, bool address, bool port)
    {
        Set(socket, SolSocket, SoReuseAddress, address ? 1 : 0);
        Set(socket, SolSocket, SoReusePort, port ? 1 : 0);
    }

    public static void Set(Socket socket, int level, int name, int value) => socket.SetRawSocketOption(level, name, BitConverter.GetBytes(value));
}
