using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>A descriptor of one's own for a datagram socket, close-on-exec: it lives until its owner and everybody who is sending by it has let go.</summary>
internal sealed class DatagramDescriptor : SafeHandle
{
    /// <exception cref="InvalidOperationException">There is no descriptor left.</exception>
    public DatagramDescriptor(SafeHandle original)
        : base(-1, ownsHandle: true) => SetHandle(DescriptorCopy.Of(original));

    public override bool IsInvalid => handle < 0;

    /// <summary>The raw number, for the owner.</summary>
    public int Number => (int)handle;

    /// <summary>One datagram, from any thread (<see cref="DatagramCalls.Send"/>). BadDescriptor: the owner has let go.</summary>
    public NativeError Send(ReadOnlySpan<byte> name, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> source, bool wait)
    {
        bool held = false;
        try
        {
            DangerousAddRef(ref held);
            return DatagramCalls.Send(Number, name, payload, source, wait);
        }
        catch (ObjectDisposedException)
        {
            return NativeError.BadDescriptor;
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    protected override bool ReleaseHandle() => Libc.close((int)handle) == 0;
}
