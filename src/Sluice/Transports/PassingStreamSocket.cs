using System.Net;
using System.Runtime.InteropServices;
using Sluice.Native;

namespace Sluice.Transports;

/// <summary>
/// A Unix socket that passes descriptors, both ways. A class of its own, so that other sockets carry nothing of it. A receive ends behind a message that has
/// descriptors: that it did not fill its buffer does not mean that nothing follows.
/// </summary>
internal sealed class PassingStreamSocket(StreamDescriptor descriptor, EndPoint unixEndPoint) : KernelStreamSocket(descriptor, unixEndPoint)
{
    /// <summary>What the peer has passed and nobody has taken.</summary>
    public ReceivedDescriptors Received { get; } = new();

    /// <summary>As a socket's does; TooManyReferences: the peer has passed more than may wait, or than this process can have, and all of them are closed.</summary>
    public override SocketResult Receive(Span<byte> buffer, bool wait)
    {
        Span<int> passed = stackalloc int[DescriptorMessages.Most];
        SocketResult got = DescriptorMessages.Receive(Descriptor, buffer, passed, out int count, wait);
        if (count > 0 && !Received.TryAdd(passed[..count]))
        {
            got = SocketResult.Failed(NativeError.TooManyReferences);
        }

        if (got.Error == NativeError.TooManyReferences)
        {
            Received.Close(); // some of them would be worse than none
        }

        return got;
    }

    public override SocketResult SendWith(SafeHandle descriptor, ReadOnlySpan<byte> buffer, bool wait) => DescriptorMessages.Send(Descriptor, buffer, descriptor, wait);

    public override void Close()
    {
        Received.Close();
        base.Close();
    }
}
