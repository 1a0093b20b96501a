using System.Net;
using System.Runtime.InteropServices;

namespace Sluice.Transports;

/// <summary>The listener of a connection that another process has accepted: its address, and nothing to accept from.</summary>
internal sealed class DistantListener(SocketAddressUrl url, EndPoint localEndPoint) : Listener(url)
{
    public override SafeHandle? Handle => null;

    public override EndPoint LocalEndPoint => localEndPoint;

    internal override AcceptResult TryAccept() => AcceptResult.Failed(AcceptError.ListenerClosed);

    internal override void Close()
    {
    }
}
