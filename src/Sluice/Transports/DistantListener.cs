using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Sluice.Transports;

/// <summary>A listener of which another process accepts: its address, and nothing to accept from.</summary>
internal sealed class DistantListener(SocketAddressUrl url) : StreamListener(url)
{
    public override SafeHandle? Handle => null;

    public override EndPoint LocalEndPoint => Url.Path.Length > 0 ? new UnixDomainSocketEndPoint(Url.Path) : Url.ToIPEndPoint();

    internal override AcceptResult TryAccept() => AcceptResult.Failed(AcceptError.ListenerClosed);

    internal override void Close()
    {
    }
}
