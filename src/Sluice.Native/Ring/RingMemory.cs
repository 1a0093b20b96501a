namespace Sluice.Native;

/// <summary>The memory a ring shares with the kernel: the two queues in one mapping, the submission entries in another. io_uring(7).</summary>
internal sealed unsafe class RingMemory : IDisposable
{
    private const int ReadWrite = 3; // PROT_READ | PROT_WRITE
    private const int SharedPopulated = 0x8001; // MAP_SHARED | MAP_POPULATE
    private const int PrivateAnonymous = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS
    private const nint EntriesOffset = 0x10000000; // IORING_OFF_SQES
    private static readonly void* Failed = (void*)-1;

    private readonly List<(nint Start, nuint Length)> _mappings = [];

    /// <summary>Maps what the kernel set up for <paramref name="ring"/>; false with the error when it may not.</summary>
    public bool Map(int ring, in RingParameters parameters, out NativeError error)
    {
        CompletionOffsets completion = parameters.Completion;
        SubmissionOffsets submission = parameters.Submission;
        nuint completions = completion.Entry + (parameters.CompletionEntries * (nuint)sizeof(RingCompletion));
        nuint array = RingSetup.IsWithoutArray(parameters.Flags) ? 0 : submission.Array + (parameters.SubmissionEntries * (nuint)sizeof(uint));
        byte* queues = Map(Math.Max(completions, array), SharedPopulated, ring, 0, out error);
        byte* entries = queues is null ? null : Map(parameters.SubmissionEntries * (nuint)sizeof(SubmissionEntry), SharedPopulated, ring, EntriesOffset, out error);
        if (entries is null)
        {
            return false;
        }

        Submissions = (SubmissionEntry*)entries;
        SubmissionTail = (uint*)(queues + submission.Tail);
        SubmissionMask = *(uint*)(queues + submission.Mask);
        SubmissionFlags = (uint*)(queues + submission.Flags);
        Completions = (RingCompletion*)(queues + completion.Entry);
        CompletionHead = (uint*)(queues + completion.Head);
        CompletionTail = (uint*)(queues + completion.Tail);
        CompletionMask = *(uint*)(queues + completion.Mask);
        for (uint i = 0; array != 0 && i < parameters.SubmissionEntries; i++)
        {
            ((uint*)(queues + submission.Array))[i] = i; // the entries are used in their order
        }

        return true;
    }

    /// <summary>Zeroed pages of our own, for a buffer ring; null with the error.</summary>
    public byte* Allocate(nuint length, out NativeError error) => Map(length, PrivateAnonymous, -1, 0, out error);

    public SubmissionEntry* Submissions { get; private set; }

    public uint* SubmissionTail { get; private set; }

    public uint SubmissionMask { get; private set; }

    public uint* SubmissionFlags { get; private set; }

    public RingCompletion* Completions { get; private set; }

    public uint* CompletionHead { get; private set; }

    public uint* CompletionTail { get; private set; }

    public uint CompletionMask { get; private set; }

    public void Dispose()
    {
        foreach ((nint start, nuint length) in _mappings)
        {
            _ = Libc.munmap((void*)start, length);
        }

        _mappings.Clear();
    }

    private byte* Map(nuint length, int flags, int fd, nint offset, out NativeError error)
    {
        void* start = Libc.mmap(null, length, ReadWrite, flags, fd, offset);
        if (start == Failed)
        {
            error = Errno.Last;
            return null;
        }

        error = NativeError.None;
        _mappings.Add(((nint)start, length));
        return (byte*)start;
    }
}
