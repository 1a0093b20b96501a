using System.Runtime.InteropServices;
using Sluice.Transports;

namespace Sluice.Models.Readiness;

using Sluice.Native; // in here, where its Readiness comes before this namespace of the same name

/// <summary>A connection whose socket passes descriptors. A class of its own, so that the way of other requests has not one branch more.</summary>
internal sealed class PassingConnection(EventLoop loop, PassingStreamSocket socket, ulong token) : ReadyConnection(loop, socket, token)
{
    // As its base does, but for one thing: a short receive has not drained the socket, because it ends behind a message with descriptors.
    internal override bool TryReceive(bool evenIfNotExpected = false)
    {
        if (!HasNews && !evenIfNotExpected && !IsCut)
        {
            return false;
        }

        if (--Loop.Budget < 0 && !evenIfNotExpected)
        {
            LookAgain(read: true);
            return false;
        }

        Span<byte> space = Reader.Space();
        if (space.IsEmpty)
        {
            Reader.EndFull();
            return true;
        }

        SocketResult got = Socket.Receive(space, wait: false);
        if (got.Count <= 0)
        {
            return got.Error == NativeError.Interrupted ? TryReceive(evenIfNotExpected) : Ended(got);
        }

        Reader.Take(got.Count);
        return true;
    }

    internal override SocketResult TransmitWith(SafeHandle descriptor, ReadOnlySpan<byte> bytes)
    {
        NativeError error = Settle();
        return error == NativeError.None ? Socket.SendWith(descriptor, bytes, wait: false) : SocketResult.Failed(error);
    }
}
