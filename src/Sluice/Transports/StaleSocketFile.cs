using System.Net.Sockets;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>The file of a Unix socket outlives a server that was killed. It is removed before binding, but only when nobody listens on it.</summary>
internal static class StaleSocketFile
{
    /// <summary>Removes it. <paramref name="type"/> is of the socket that is about to be bound there; one of another type that lives counts as somebody who listens.</summary>
    public static void RemoveIfStale(SocketAddressUrl url, SocketType type)
    {
        if (url.Path.StartsWith('@'))
        {
            return; // an abstract name goes with its socket
        }

        EntryKind kind = DirectoryDescriptor.KindAt(url.Path);
        if (kind == EntryKind.Missing)
        {
            return;
        }

        if (kind != EntryKind.Socket)
        {
            throw new SluiceException(ErrorIds.CannotBind, $"cannot listen on {url}: something that is not a socket is there; remove it, or choose another path");
        }

        using var probe = new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified);
        try
        {
            // A full accept queue says WouldBlock on a non-blocking socket, where a blocking one would wait: somebody listens.
            probe.Blocking = false;
            probe.Connect(new UnixDomainSocketEndPoint(url.Path));
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(url.Path);
            return;
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.AccessDenied)
        {
            return; // bind(2) says it
        }
        catch (SocketException)
        {
        }

        throw new SluiceException(ErrorIds.AddressInUse, $"cannot listen on {url}: another process listens there; stop it, or choose another path");
    }
}
