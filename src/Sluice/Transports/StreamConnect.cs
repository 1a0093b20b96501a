using System.Net;
using System.Net.Sockets;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>A client's connect(2), waited for without a thread; the connected descriptor is then ours alone.</summary>
internal static class StreamConnect
{
    public static async ValueTask<StreamSocket> ConnectAsync(Socket socket, EndPoint endPoint, EndPoint? unixEndPoint, CancellationToken cancellation)
    {
        using (socket)
        {
            await socket.ConnectAsync(endPoint, cancellation);
            return StreamConnector.TryTake(socket.SafeHandle, out StreamDescriptor stream, out NativeError error)
                ? new KernelStreamSocket(stream, unixEndPoint)
                : throw new SluiceException(ErrorIds.CannotConnect, $"cannot take the connection over: {error}");
        }
    }
}
