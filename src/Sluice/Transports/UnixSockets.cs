using System.Net.Sockets;
using System.Text;

namespace Sluice.Transports;

/// <summary>What Unix sockets of streams and of datagrams share until they are bound. unix(7).</summary>
internal static class UnixSockets
{
    // sizeof(sockaddr_un.sun_path) is 108, with its NUL.
    private const int MaxPathBytes = 107;

    /// <summary>Refuses a path that no socket address has room for (SLU0004).</summary>
    public static void CheckPath(SocketAddressUrl url)
    {
        int bytes = Encoding.UTF8.GetByteCount(url.Path);
        if (bytes > MaxPathBytes)
        {
            throw new SluiceException(ErrorIds.UnixPathTooLong, $"cannot use {url}: the path has {bytes} bytes and a Unix socket's at most {MaxPathBytes}; choose a shorter one");
        }
    }

    /// <summary>A socket of <paramref name="type"/> that is bound to <paramref name="url"/>, in the place of a file that a server which was killed has left.</summary>
    public static Socket Bind(SocketAddressUrl url, SocketType type, ListenOptions options)
    {
        CheckPath(url);
        StaleSocketFile.RemoveIfStale(url, type);
        var socket = new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified);
        try
        {
            socket.Bind(url.ToUnixEndPoint());
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw ListenErrors.Describe(url, error);
        }
    }
}
