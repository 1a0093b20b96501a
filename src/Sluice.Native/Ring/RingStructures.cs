using System.Runtime.InteropServices;

namespace Sluice.Native;

/// <summary>struct io_uring_sqe: one operation asked for. io_uring_enter(2).</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct SubmissionEntry
{
    [FieldOffset(0)] public byte Operation;
    [FieldOffset(1)] public byte Flags;
    [FieldOffset(2)] public ushort Priority;
    [FieldOffset(4)] public int Descriptor;
    [FieldOffset(8)] public ulong Offset;
    [FieldOffset(16)] public ulong Address;
    [FieldOffset(24)] public uint Length;
    [FieldOffset(28)] public uint OperationFlags;
    [FieldOffset(32)] public ulong Token;
    [FieldOffset(40)] public ushort BufferGroup;
}

/// <summary>struct io_uring_params. io_uring_setup(2).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RingParameters
{
    public uint SubmissionEntries;
    public uint CompletionEntries;
    public uint Flags;
    public uint ThreadCpu;
    public uint ThreadIdle;
    public uint Features;
    public uint WorkQueue;
    public uint Reserved0;
    public uint Reserved1;
    public uint Reserved2;
    public SubmissionOffsets Submission;
    public CompletionOffsets Completion;
}

/// <summary>struct io_sqring_offsets: where the kernel put what, from the start of the mapping.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SubmissionOffsets
{
    public uint Head;
    public uint Tail;
    public uint Mask;
    public uint Entries;
    public uint Flags;
    public uint Dropped;
    public uint Array;
    public uint Reserved;
    public ulong UserAddress;
}

/// <summary>struct io_cqring_offsets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CompletionOffsets
{
    public uint Head;
    public uint Tail;
    public uint Mask;
    public uint Entries;
    public uint Overflow;
    public uint Entry;
    public uint Flags;
    public uint Reserved;
    public ulong UserAddress;
}

/// <summary>struct io_uring_buf: one provided buffer. The tail of the ring lies in the last two bytes of the first entry.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BufferEntry
{
    public ulong Address;
    public uint Length;
    public ushort Id;
    public ushort Tail;
}

/// <summary>struct io_uring_buf_reg. io_uring_register(2), IORING_REGISTER_PBUF_RING.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BufferRegistration
{
    public ulong Address;
    public uint Entries;
    public ushort Group;
    public ushort Flags;
    public ulong Reserved0;
    public ulong Reserved1;
    public ulong Reserved2;
}

/// <summary>struct io_uring_getevents_arg with the timespec it points to.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct WaitArgument
{
    public ulong SignalMask;
    public uint SignalMaskSize;
    public uint MinimumWait;
    public ulong Timeout;
    public long Seconds;
    public long Nanoseconds;

    /// <summary>sizeof(struct io_uring_getevents_arg), without our timespec.</summary>
    public const int Size = 24;
}

/// <summary>struct io_uring_rsrc_update, with which a ring's descriptor is registered.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DescriptorUpdate
{
    public uint Offset;
    public uint Reserved;
    public ulong Data;
}

/// <summary>struct io_uring_sync_cancel_reg. io_uring_register(2), IORING_REGISTER_SYNC_CANCEL.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SyncCancel
{
    public ulong Address;
    public int Descriptor;
    public uint Flags;
    public long Seconds;
    public long Nanoseconds;
    public ulong Operation;
    public ulong Reserved0;
    public ulong Reserved1;
    public ulong Reserved2;
}
