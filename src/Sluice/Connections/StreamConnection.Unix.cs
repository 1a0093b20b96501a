using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Connections;

/// <summary>The features that only Unix sockets have.</summary>
internal abstract partial class StreamConnection
{
    UnixCredentials IUnixPeerFeature.Credentials => UnixPeer.GetValueOrDefault();

    // Asked of the socket once, so that it is still known when that is closed.
    private UnixCredentials? UnixPeer
    {
        get
        {
            if (_extras?.UnixPeer is null && Socket.PeerCredentials is { User: not uint.MaxValue } peer)
            {
                Extras.UnixPeer = new UnixCredentials(peer.Process, peer.User, peer.Group);
            }

            return _extras?.UnixPeer;
        }
    }

    bool IDescriptorPassing.TryReceive(out SafeFileHandle descriptor)
    {
        SafeFileHandle? received = (Socket as PassingStreamSocket)?.Received.Take();
        descriptor = received!;
        return received is not null;
    }

    async ValueTask IDescriptorPassing.SendAsync(ReadOnlyMemory<byte> bytes, SafeHandle descriptor, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        if (bytes.IsEmpty)
        {
            throw new ArgumentException("A descriptor goes beside at least one byte.", nameof(bytes));
        }

        if (!DescriptorMessages.IsOpen(descriptor))
        {
            throw new ArgumentException("The descriptor is not open.", nameof(descriptor));
        }

        cancellation.ThrowIfCancellationRequested();
        await FlushOwnAsync(cancellation); // what was written before goes before
        Outbox outbox = Extras.MakeOutbox();
        outbox.Enqueue(bytes.Span, descriptor);
        if (Has(Marks.Closed))
        {
            outbox.Clear(); // whoever closed it may have looked just before
            throw EndedException();
        }

        await FlushOwnAsync(cancellation);
    }

    private async ValueTask FlushOwnAsync(CancellationToken cancellation)
    {
        if ((await Output.FlushAsync(cancellation)).IsCanceled)
        {
            throw new OperationCanceledException("The flush was cancelled.");
        }
    }

    // Of our own features: whether this connection has it.
    private bool IsHere(Type feature) =>
        feature == typeof(IUnixPeerFeature) ? UnixPeer is not null
        : feature != typeof(IDescriptorPassing) || (Socket is PassingStreamSocket && !IsElsewhere);
}
