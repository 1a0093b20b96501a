using System.Runtime.CompilerServices;

namespace Sluice.Native;

/// <summary>
/// One io_uring(7) with its ring of receive buffers. Any thread opens it; the one that starts it owns it: submits, enters, takes completions and
/// disposes. What is submitted goes to the kernel with the next <see cref="Enter"/>, all in one system call.
/// </summary>
internal sealed unsafe partial class IoUring : IDisposable
{
    private const uint FeatureNoIoWait = 1 << 17; // IORING_FEAT_NO_IOWAIT, 6.15
    private const uint FeatureExtendedArgument = 1 << 8; // IORING_FEAT_EXT_ARG, 5.11
    private const uint FeatureSingleMapping = 1; // IORING_FEAT_SINGLE_MMAP, 5.4
    private const uint OverflowedFlag = 2; // IORING_SQ_CQ_OVERFLOW
    private const nint EnableRings = 12; // IORING_REGISTER_ENABLE_RINGS
    private const nint RegisterDescriptor = 20; // IORING_REGISTER_RING_FDS
    private const nint UnregisterDescriptor = 21;
    private const nint SynchronousCancel = 24; // IORING_REGISTER_SYNC_CANCEL
    private const uint CancelAllOfAny = 1 | 4; // IORING_ASYNC_CANCEL_ALL | ANY

    // The kernel takes what a closed ring had locked off the account only some time later, and the next, smaller one needs that room.
    private const int ReleaseMilliseconds = 50;

    private readonly RingMemory _memory;
    private readonly SubmissionEntry* _entries;
    private readonly uint* _submissionTail;
    private readonly RingCompletion* _completions;
    private readonly uint* _completionHead;
    private readonly uint* _completionTail;
    private readonly uint _submissionMask;
    private readonly uint _submissionEntries;
    private readonly uint _completionMask;
    private readonly int _descriptor;
    private readonly uint _features;

    // As many as are waited for the kernel also completes at once of what has become ready, and once more while it begins to wait (at least 20, IO_LOCAL_TW_DEFAULT_MAX,
    // 6.14). So turns grow with the sends of the turn before, which is welcome while many are busy, as long as all of it has room in the completion queue.
    private readonly int _mostAwaited;
    private int _registered;
    private uint _enterFlags;

    private uint _tail;
    private uint _submitted;
    private uint _head;
    private uint _known; // the completion tail as last read
    private int _sendsNow; // that wait to be submitted
    private bool _disposed;

    private IoUring(int descriptor, in RingParameters parameters, RingMemory memory, BufferRing buffers)
    {
        _descriptor = descriptor;
        _memory = memory;
        Buffers = buffers;
        _entries = memory.Submissions;
        _submissionTail = memory.SubmissionTail;
        _submissionMask = memory.SubmissionMask;
        _submissionEntries = parameters.SubmissionEntries;
        _completions = memory.Completions;
        _completionHead = memory.CompletionHead;
        _completionTail = memory.CompletionTail;
        _completionMask = memory.CompletionMask;
        _head = _known = *_completionHead;
        _tail = _submitted = *_submissionTail;
        CompletionCapacity = (int)parameters.CompletionEntries;
        _mostAwaited = Math.Max(CompletionCapacity / 8, 1);
        _features = parameters.Features;
    }

    /// <summary>The receive buffers the kernel picks from.</summary>
    public BufferRing Buffers { get; }

    public int CompletionCapacity { get; }

    /// <summary>Whether the kernel has everything that was asked for: after a full enter it has, unless it was short of memory.</summary>
    public bool IsAllSubmitted => _tail == _submitted;

    /// <summary>Completions that are here and not taken.</summary>
    public int Ready => (int)(Volatile.Read(ref *_completionTail) - _head);

    /// <summary>The token of one of them, before it is taken.</summary>
    public ulong TokenAt(int index) => _completions[(_head + (uint)index) & _completionMask].Token;

    /// <summary>Completions wait in the kernel because the queue was full: multishots that met it have ended. The next enter brings them.</summary>
    public bool Overflowed => (Volatile.Read(ref *_memory.SubmissionFlags) & OverflowedFlag) != 0;

    /// <summary>Sets a ring up, in the first shape that the kernel allows, or returns null and the last error.</summary>
    public static IoUring? Open(ReadOnlySpan<RingShape> shapes, out NativeError error) => RingSetup.Find<IoUring>(shapes, Open, out error);

    /// <summary>Makes the calling thread the owner. Before anything is submitted.</summary>
    public void Start()
    {
        _ = Libc.syscall(Libc.IoUringRegister, _descriptor, EnableRings, 0, 0, 0, 0);

        // The kernel then needs no look-up of the descriptor with each enter: 182 to 116 ns.
        DescriptorUpdate update = new() { Offset = uint.MaxValue, Data = (ulong)_descriptor };
        bool isRegistered = Libc.syscall(Libc.IoUringRegister, _descriptor, RegisterDescriptor, (nint)(&update), 1, 0, 0) == 1;
        _registered = isRegistered ? (int)update.Offset : _descriptor;
        _enterFlags = isRegistered ? RegisteredRing : 0;
        _waitFlags = (_features & FeatureNoIoWait) != 0 ? GetEvents | ExtendedArgument | NoIoWait : GetEvents | ExtendedArgument;
    }

    /// <summary>Whether the kernel knows the operation of that number.</summary>
    public bool Supports(int operation) => IoUringProbe.Supports(_descriptor, operation);

    /// <summary>The next completion, if one is here. Costs no system call; what is taken is given back to the kernel in batches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTake(out RingCompletion completion)
    {
        uint head = _head;
        if (head == _known && !Look())
        {
            completion = default;
            return false;
        }

        completion = _completions[head & _completionMask];
        _head = head + 1;
        return true;
    }

    /// <summary>Whether the next completion is here and has this token: what one receive brings in several buffers comes in a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool NextIs(ulong token) => _head != _known && _completions[_head & _completionMask].Token == token;

    /// <summary>
    /// Cancels what is in flight, waits until the kernel has let go of every buffer, and frees the ring. Called on the owner's thread; the
    /// sockets are the caller's to close.
    /// </summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        SyncCancel everything = new() { Descriptor = -1, Flags = CancelAllOfAny, Seconds = 1 };
        _ = Libc.syscall(Libc.IoUringRegister, _descriptor, SynchronousCancel, (nint)(&everything), 1, 0, 0);
        if (_enterFlags != 0)
        {
            DescriptorUpdate update = new() { Offset = (uint)_registered };
            _ = Libc.syscall(Libc.IoUringRegister, _descriptor, UnregisterDescriptor, (nint)(&update), 1, 0, 0);
        }

        _ = Libc.close(_descriptor);
        _memory.Dispose();
    }

    private static IoUring? Open(RingShape shape, uint flags, out NativeError error)
    {
        RingParameters parameters = new() { Flags = flags, CompletionEntries = (uint)shape.Completions };
        int descriptor = (int)Libc.syscall(Libc.IoUringSetup, shape.Submissions, (nint)(&parameters), 0, 0, 0, 0);
        if (descriptor < 0)
        {
            error = Errno.Last;
            return null;
        }

        const uint Features = FeatureSingleMapping | FeatureExtendedArgument;
        var memory = new RingMemory();
        error = NativeError.NotImplemented;
        BufferRing? buffers = (parameters.Features & Features) == Features && memory.Map(descriptor, parameters, out error)
            ? BufferRing.Register(descriptor, memory, shape.Buffers, shape.BufferSize, out error) : null;
        if (buffers is null)
        {
            _ = Libc.close(descriptor);
            memory.Dispose();
            if (error == NativeError.NoMemory)
            {
                Thread.Sleep(ReleaseMilliseconds);
            }

            return null;
        }

        return new IoUring(descriptor, parameters, memory, buffers);
    }

    private bool Look()
    {
        Volatile.Write(ref *_completionHead, _head);
        _known = Volatile.Read(ref *_completionTail);
        return _known != _head;
    }
}
