using System.Net;
using System.Net.Sockets;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>A stream of the kernel: TCP or a Unix socket, by its descriptor.</summary>
internal class KernelStreamSocket(StreamDescriptor descriptor, EndPoint? unixEndPoint = null) : StreamSocket
{
    // Whom the kernel does not name is nobody that a list could allow: (uid_t)-1, which no process can have.
    private static readonly PeerCredentials Nobody = new(0, uint.MaxValue, uint.MaxValue);

    private StreamDescriptor _descriptor = descriptor;

    public override int Descriptor => _descriptor.Number;

    public override EndPoint? LocalEndPoint => unixEndPoint ?? _descriptor.LocalEndPoint();

    public override EndPoint? RemoteEndPoint => _descriptor.Peer;

    public override ulong SourceKey => unixEndPoint is null ? _descriptor.SourceKey : 1 + (ulong)_descriptor.PeerCredentials().GetValueOrDefault().User;

    public override PeerCredentials? PeerCredentials => unixEndPoint is null ? null : _descriptor.PeerCredentials() ?? Nobody;

    public override SocketResult Receive(Span<byte> buffer, bool wait) => _descriptor.Receive(buffer, wait);

    public override SocketResult Send(ReadOnlySpan<byte> buffer, bool wait) => _descriptor.Send(buffer, wait);

    public override void SetReceiveTimeout(TimeSpan timeout) => _descriptor.SetReceiveTimeout(timeout);

    public override void SetSendTimeout(TimeSpan timeout) => _descriptor.SetSendTimeout(timeout);

    public override void InterruptReceive(int thread) => ThreadInterrupt.Interrupt(thread);

    public override void Shutdown(SocketShutdown how) => _descriptor.Shutdown(how);

    public override void Reset() => _descriptor.Reset();

    public override void Close() => _descriptor.Close();

    public override bool TryWatch(IReadinessObserver observer, out ulong watch) => ReadinessNotifier.Shared.TryWatch(_descriptor.Number, observer, out watch);

    public override void Unwatch(ulong watch) => ReadinessNotifier.Shared.Unwatch(watch);
}
