using System.Net;
using System.Net.Sockets;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>A stream of the kernel: TCP or a Unix socket, by its descriptor.</summary>
internal sealed class KernelStreamSocket(StreamDescriptor descriptor, EndPoint? unixEndPoint = null) : StreamSocket
{
    // 0 while nobody watches.
    private ulong _watch;

    public override int Descriptor => descriptor.Number;

    public override EndPoint? LocalEndPoint => unixEndPoint ?? descriptor.LocalEndPoint();

    public override EndPoint? RemoteEndPoint => descriptor.Peer;

    public override ulong SourceKey => unixEndPoint is null ? descriptor.PeerAddress.SourceKey : 1 + (ulong)descriptor.PeerUser().GetValueOrDefault();

    public override SocketResult Receive(Span<byte> buffer, bool wait) => descriptor.Receive(buffer, wait);

    public override SocketResult Send(ReadOnlySpan<byte> buffer, bool wait) => descriptor.Send(buffer, wait);

    public override void SetReceiveTimeout(TimeSpan timeout) => descriptor.SetReceiveTimeout(timeout);

    public override void SetSendTimeout(TimeSpan timeout) => descriptor.SetSendTimeout(timeout);

    public override void InterruptReceive(int thread) => ThreadInterrupt.Interrupt(thread);

    public override void Shutdown(SocketShutdown how) => descriptor.Shutdown(how);

    public override void Reset() => descriptor.Reset();

    public override void Close()
    {
        Unwatch();
        descriptor.Close();
    }

    public override bool TryWatch(IReadinessObserver observer) => ReadinessNotifier.Shared.TryWatch(descriptor.Number, observer, out _watch);

    public override void Unwatch()
    {
        ulong watch = Interlocked.Exchange(ref _watch, 0);
        if (watch != 0)
        {
            ReadinessNotifier.Shared.Unwatch(watch);
        }
    }
}
