namespace Sluice.Native;

/// <summary>The one system call of a turn. io_uring_enter(2).</summary>
internal sealed unsafe partial class IoUring
{
    private const uint GetEvents = 1;
    private const uint ExtendedArgument = 8;
    private const uint RegisteredRing = 16;
    private const uint NoIoWait = 128;
    private const int MostTries = 1000;

    private uint _waitFlags;

    /// <summary>
    /// Submits what was asked for and waits until <paramref name="minimum"/> completions are here, besides those of each <see cref="SendNow"/> that it
    /// submits, or <paramref name="milliseconds"/> have passed (-1: for ever; 0: not at all). It may return earlier: after very many sends, for a signal, or when the
    /// kernel wants the completions taken first. Any error but <see cref="NativeError.None"/> means that the ring is lost.
    /// </summary>
    public NativeError Enter(int minimum, int milliseconds)
    {
        Buffers.Publish();
        WaitArgument argument = default;
        if (milliseconds > 0)
        {
            argument.Seconds = milliseconds / 1000;
            argument.Nanoseconds = milliseconds % 1000 * 1_000_000L;
            argument.Timeout = (ulong)&argument.Seconds;
        }

        nint result = Call(_tail - _submitted, milliseconds == 0 ? 0 : Math.Min(minimum + _sendsNow, _mostAwaited), _waitFlags, &argument);
        return result >= 0 ? NativeError.None : Judge(Errno.Last);
    }

    /// <summary>Hands the queue to the kernel without waiting: it is full, or something in it is wanted done now.</summary>
    public void Submit()
    {
        for (int tries = 0; tries < MostTries; tries++)
        {
            nint result = Call(_tail - _submitted, 0, 0, null);
            if (_tail == _submitted)
            {
                return;
            }

            if (result < 0 && Judge(Errno.Last) is var error && error != NativeError.None)
            {
                throw new InvalidOperationException($"io_uring_enter failed: {error}");
            }

            // Short of memory, or completions wait for room: let the kernel finish what it holds.
            WaitArgument argument = default;
            _ = Call(0, 0, GetEvents | ExtendedArgument, &argument);
            Thread.Yield();
        }

        throw new InvalidOperationException("io_uring takes no more operations");
    }

    private nint Call(uint count, int minimum, uint flags, WaitArgument* argument)
    {
        Volatile.Write(ref *_completionHead, _head);
        Volatile.Write(ref *_submissionTail, _tail);
        nint result = Libc.syscall(
            Libc.IoUringEnter, _registered, (nint)count, minimum, (nint)(flags | _enterFlags), (nint)argument, argument is null ? 0 : WaitArgument.Size);
        _sendsNow = 0; // if not all were submitted, or this was no wait, the next wait ends a little early
        if (result > 0)
        {
            _submitted += (uint)result;
        }

        return result;
    }

    private NativeError Judge(NativeError error)
    {
        switch (error)
        {
            case NativeError.Interrupted or NativeError.TimerExpired:
                return NativeError.None;
            case NativeError.Busy or NativeError.WouldBlock: // take the completions; what was not submitted goes with the next enter
                return NativeError.None;
            case NativeError.InvalidArgument when (_waitFlags & NoIoWait) != 0:
                _waitFlags &= ~NoIoWait;
                return NativeError.None;
            default:
                return error;
        }
    }
}
