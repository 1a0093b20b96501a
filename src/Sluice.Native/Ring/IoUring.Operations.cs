using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>The operations, each under a token of the caller's that its completions bring back. io_uring_enter(2).</summary>
internal sealed unsafe partial class IoUring
{
    private const byte Nothing = 0; // IORING_OP_NOP
    private const byte PollAdd = 6;
    private const byte Accept = 13;
    private const byte AsyncCancel = 14;
    private const byte SendBytes = 26;
    private const byte ReceiveBytes = 27;
    private const byte SelectBuffer = 32; // IOSQE_BUFFER_SELECT
    private const ushort AcceptManyTimes = 1; // IORING_ACCEPT_MULTISHOT
    private const ushort PollFirst = 1; // IORING_RECVSEND_POLL_FIRST
    private const ushort ReceiveManyTimes = 2; // IORING_RECV_MULTISHOT
    private const uint PollManyTimes = 1; // IORING_POLL_ADD_MULTI
    private const uint CloseOnExec = 0x80000; // SOCK_CLOEXEC
    private const uint NoSignal = 0x4000; // MSG_NOSIGNAL
    private const uint NoSignalNoWaitAll = NoSignal | 0x40 | 0x100; // MSG_DONTWAIT | MSG_WAITALL
    private const uint PollIn = 1;
    private const uint CancelByDescriptor = 1 | 2; // IORING_ASYNC_CANCEL_ALL | FD

    /// <summary>accept4(2) once: the new descriptor is blocking and close-on-exec. It waits though the listener be non-blocking.</summary>
    public void AcceptOnce(int listener, ulong token) => Next(Accept, listener, token)->OperationFlags = CloseOnExec;

    /// <summary>The same again and again, each completion a new descriptor, until an error or a cancel ends it.</summary>
    public void AcceptMultishot(int listener, ulong token)
    {
        SubmissionEntry* entry = Next(Accept, listener, token);
        entry->Priority = AcceptManyTimes;
        entry->OperationFlags = CloseOnExec;
    }

    /// <summary>recv(2) once into a buffer of <see cref="Buffers"/>, when there is something.</summary>
    public void ReceiveOnce(int descriptor, ulong token)
    {
        SubmissionEntry* entry = Next(ReceiveBytes, descriptor, token);
        entry->Flags = SelectBuffer;
        entry->Priority = PollFirst;
        entry->BufferGroup = BufferRing.Group;
    }

    /// <summary>
    /// recv(2) again and again into buffers of <see cref="Buffers"/>. FIN (0), an error or <see cref="NativeError.NoBufferSpace"/> ends it. With
    /// <paramref name="pollFirst"/> it waits before the first try, which is right when nothing is expected to be there yet.
    /// Kernels without a68ed2df7213 (2026) may never tell an end that comes directly behind bytes: a Unix socket's FIN, or a reset (liburing issue 1549).
    /// <see cref="PollEnd"/> beside it tells of that, and <see cref="ReceiveOnce"/> then finds it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ReceiveMultishot(int descriptor, ulong token, bool pollFirst)
    {
        SubmissionEntry* entry = Next(ReceiveBytes, descriptor, token);
        entry->Flags = SelectBuffer;
        entry->Priority = (ushort)(pollFirst ? ReceiveManyTimes | PollFirst : ReceiveManyTimes);
        entry->BufferGroup = BufferRing.Group;
    }

    /// <summary>
    /// send(2) of a part of an array that is pinned for life and stays untouched until the completion. It waits until something can be sent, and may send
    /// less than asked, so that the caller sees a slow peer make progress. Never raises SIGPIPE.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Send(int descriptor, byte[] pinned, int offset, int count, ulong token)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)(uint)offset + (uint)count, (ulong)pinned.Length);
        SubmissionEntry* entry = Next(SendBytes, descriptor, token);
        entry->Address = (ulong)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned)) + (uint)offset;
        entry->Length = (uint)count;
        entry->OperationFlags = NoSignal;
    }

    /// <summary>
    /// send(2) that never waits: it has completed when the enter that submits it returns, with the count that was sent or an error
    /// (<see cref="NativeError.WouldBlock"/>: nothing was). Returns what <see cref="TryExtend"/> needs.
    /// A completion that is not wanted could be left out (IOSQE_CQE_SKIP_SUCCESS), but a submission with that flag stalls the processor for 90 ns: the kernel
    /// writes one byte of a word and reads the whole of it at once.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint SendNow(int descriptor, byte[] pinned, int offset, int count, ulong token)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)(uint)offset + (uint)count, (ulong)pinned.Length);
        SubmissionEntry* entry = Next(SendBytes, descriptor, token);
        entry->Address = (ulong)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned)) + (uint)offset;
        entry->Length = (uint)count;
        entry->OperationFlags = NoSignalNoWaitAll;
        _sendsNow++;
        return _tail - 1;
    }

    /// <summary>
    /// Whether a <see cref="SendNow"/> is not submitted yet: it then sends <paramref name="more"/> bytes more, which follow its own, and completes under
    /// <paramref name="token"/>.
    /// </summary>
    public bool TryExtend(uint send, int more, ulong token)
    {
        if (send - _submitted >= _tail - _submitted)
        {
            return false;
        }

        SubmissionEntry* entry = _entries + (send & _submissionMask);
        entry->Length += (uint)more;
        entry->Token = token;
        return true;
    }

    /// <summary>Tells each time the descriptor becomes readable, from now on if it already is.</summary>
    public void PollMultishot(int descriptor, ulong token)
    {
        SubmissionEntry* entry = Next(PollAdd, descriptor, token);
        entry->Length = PollManyTimes;
        entry->OperationFlags = PollIn;
    }

    /// <summary>Tells once that the descriptor is readable, as soon as it is.</summary>
    public void PollOnce(int descriptor, ulong token) => Next(PollAdd, descriptor, token)->OperationFlags = PollIn;

    /// <summary>Tells once when the peer has finished, or both directions have ended, or the socket has failed.</summary>
    public void PollEnd(int descriptor, ulong token) => Next(PollAdd, descriptor, token); // no event asked for: these are always told

    /// <summary>Tells each time when the peer finishes, or both directions have ended, or the socket has failed: the last two are <see cref="RingCompletion.IsHangUp"/>.</summary>
    public void PollHangUp(int descriptor, ulong token) => Next(PollAdd, descriptor, token)->Length = PollManyTimes;

    /// <summary>
    /// Asks for the end of the operation with the token <paramref name="target"/>. That one completes as <see cref="NativeError.Canceled"/>, if it was not about to
    /// complete anyway; this one with success, <see cref="NativeError.NoEntry"/> or <see cref="NativeError.AlreadyInProgress"/>.
    /// </summary>
    public void Cancel(ulong target, ulong token) => Next(AsyncCancel, -1, token)->Address = target;

    /// <summary>Asks for the end of every operation on a descriptor; completes with their count, or <see cref="NativeError.NoEntry"/>.</summary>
    public void CancelDescriptor(int descriptor, ulong token) => Next(AsyncCancel, descriptor, token)->OperationFlags = CancelByDescriptor;

    /// <summary>Completes at once.</summary>
    public void Complete(ulong token) => Next(Nothing, -1, token);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private SubmissionEntry* Next(byte operation, int descriptor, ulong token)
    {
        if (_tail - _submitted == _submissionEntries)
        {
            Submit();
        }

        SubmissionEntry* entry = _entries + (_tail++ & _submissionMask);
        *entry = default;
        entry->Operation = operation;
        entry->Descriptor = descriptor;
        entry->Token = token;
        return entry;
    }
}
