using System.Runtime.CompilerServices;

namespace Sluice.Native;

/// <summary>
/// recv(2) and send(2) that do not wait, on a raw descriptor: for its owner only, who alone closes it. They go through syscall(2) itself,
/// because the wrappers of libc are cancellation points, which costs four atomic operations a call in a process with threads.
/// </summary>
internal static unsafe class SocketCalls
{
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;

    // recvfrom(2) and sendto(2).
    private static nint Recvfrom => Libc.Number(45, 207);

    private static nint Sendto => Libc.Number(44, 206);

    /// <summary>0 bytes is the peer's FIN; WouldBlock: nothing is there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SocketResult Receive(int descriptor, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            nint count = Libc.transfer(Recvfrom, descriptor, start, buffer.Length, MSG_DONTWAIT, 0, 0);
            return count >= 0 ? SocketResult.Of((int)count) : SocketResult.Failed(Errno.OfSystem);
        }
    }

    /// <summary>May send less than asked; never raises SIGPIPE. WouldBlock: the kernel can take nothing now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SocketResult Send(int descriptor, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            nint count = Libc.transfer(Sendto, descriptor, start, buffer.Length, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
            return count >= 0 ? SocketResult.Of((int)count) : SocketResult.Failed(Errno.OfSystem);
        }
    }
}
