using System.Net;
using System.Runtime.InteropServices;

namespace Sluice.Transports;

/// <summary>A listener of which another process accepts: its address, and nothing to accept from.</summary>
internal sealed class DistantListener(SocketAddressUrl url) : StreamListener(url)
{
    public override SafeHandle? Handle => null;

    public override EndPoint LocalEndPoint => Url.Path.Length > 0 ? Url.ToUnixEndPoint() : Url.ToIPEndPoint();

    internal override AcceptResult TryAccept() => AcceptResult.Failed(AcceptError.ListenerClosed);

    internal override void Close()
    {
    }
}
