using System.Net.Sockets;
using System.Text;
using Microsoft.Win32.SafeHandles;

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

    /// <summary>Refuses a file mode for an abstract name (SLU0105).</summary>
    public static void CheckMode(SocketAddressUrl url, ListenOptions options)
    {
        if (options.FileMode is not null && url.Path.StartsWith('@'))
        {
            throw new SluiceException(ErrorIds.OptionNotHonoured,
                $"{url} cannot have a file mode: an abstract name has no file, and every user of the machine may come; say who may with the allow-list (AllowedUsers, --allow-user), or use a path");
        }
    }

    /// <summary>A socket of <paramref name="type"/> that is bound to <paramref name="url"/>, in the place of a file that a server which was killed has left.</summary>
    public static Socket Bind(SocketAddressUrl url, SocketType type, ListenOptions options)
    {
        CheckPath(url);
        CheckMode(url, options);
        StaleSocketFile.RemoveIfStale(url, type);
        var socket = new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified);
        try
        {
            Narrow(socket, options);
            socket.Bind(url.ToUnixEndPoint());
            SetMode(url, options);
            return socket;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw ListenErrors.Describe(url, error);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Gives the file of a bound socket the mode that was asked for, which it may have less of until then, and never more.</summary>
    public static void SetMode(SocketAddressUrl url, ListenOptions options)
    {
        if (options.FileMode is not { } mode || !url.Path.StartsWith('/') || OperatingSystem.IsWindows()) // where no server is built (SLU0104)
        {
            return;
        }

        try
        {
            if (File.GetUnixFileMode(url.Path) != mode)
            {
                File.SetUnixFileMode(url.Path, mode);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(ErrorIds.CannotBind, $"cannot listen on {url}: its file does not take the mode {Octal(mode)}: {error.Message}", error);
        }
    }

    // bind(2) makes the file with the socket's own mode less the umask, which is all that the umask is good for here: it belongs to the whole process.
    private static void Narrow(Socket socket, ListenOptions options)
    {
        if (options.FileMode is { } mode && !OperatingSystem.IsWindows())
        {
            using var unbound = new SafeFileHandle(socket.Handle, ownsHandle: false);
            File.SetUnixFileMode(unbound, mode);
        }
    }

    private static string Octal(UnixFileMode mode) => Convert.ToString((int)mode, toBase: 8).PadLeft(4, '0');
}
