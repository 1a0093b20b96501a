using Microsoft.Win32.SafeHandles;

namespace Sluice.Native;

/// <summary>
/// An open regular file by its descriptor. Every method names the error of its call and repeats a call that a signal interrupted.
/// One thread at a time.
/// </summary>
internal sealed unsafe class OpenFile : SafeHandleMinusOneIsInvalid
{
    private const uint STATX_TYPE = 1;
    private const uint STATX_SIZE = 0x200;
    private const uint SYNC_FILE_RANGE_WRITE = 2;
    private const uint MFD_CLOEXEC = 1;

    internal OpenFile(int fd)
        : base(ownsHandle: true) => SetHandle(fd);

    private int Number => (int)handle;

    /// <summary>
    /// Opens <paramref name="path"/> to read it. Never waits for the other end of a FIFO; the caller looks at the kind.
    /// </summary>
    public static OpenFile? OpenToRead(string path, out NativeError error)
    {
        fixed (byte* name = PathBytes.Of(path))
        {
            int fd;
            do
            {
                const int flags = FileFlags.ReadOnly | FileFlags.CloseOnExec | FileFlags.NonBlocking;
                fd = LibcFiles.openat(FileFlags.WorkingDirectory, name, flags, 0);
                error = fd < 0 ? Errno.Last : NativeError.None;
            }
            while (error == NativeError.Interrupted);

            return fd < 0 ? null : new OpenFile(fd);
        }
    }

    /// <summary>A new file in memory, which is gone with its last descriptor. <paramref name="name"/> is for /proc only. memfd_create(2).</summary>
    public static OpenFile? CreateInMemory(string name, out NativeError error)
    {
        fixed (byte* start = PathBytes.Of(name))
        {
            int fd = LibcFiles.memfd_create(start, MFD_CLOEXEC);
            error = fd < 0 ? Errno.Last : NativeError.None;
            return fd < 0 ? null : new OpenFile(fd);
        }
    }

    /// <summary>statx(2) on the descriptor.</summary>
    public NativeError Describe(out EntryKind kind, out long size)
    {
        FileStatus status = default;
        byte empty = 0;
        NativeError error = LibcFiles.statx(Number, &empty, FileFlags.EmptyPath, STATX_TYPE | STATX_SIZE, &status) < 0 ? Errno.Last : NativeError.None;
        kind = error == NativeError.None ? DirectoryDescriptor.KindOf(status.Mode) : EntryKind.Missing;
        size = (long)status.Size;
        return error;
    }

    /// <summary>pwrite(2), again and again until all of <paramref name="bytes"/> is written.</summary>
    public NativeError Write(ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* start = bytes)
        {
            int done = 0;
            while (done < bytes.Length)
            {
                nint count = LibcFiles.pwrite(Number, start + done, bytes.Length - done, offset + done);
                if (count > 0)
                {
                    done += (int)count;
                    continue;
                }

                // A write of nothing without an error would repeat for ever.
                NativeError error = count < 0 ? Errno.Last : NativeError.Io;
                if (error != NativeError.Interrupted)
                {
                    return error;
                }
            }
        }

        return NativeError.None;
    }

    /// <summary>pread(2): up to a buffer full. <paramref name="count"/> is 0 at the end of the file.</summary>
    public NativeError Read(Span<byte> buffer, long offset, out int count)
    {
        fixed (byte* start = buffer)
        {
            NativeError error;
            do
            {
                count = (int)LibcFiles.pread(Number, start, buffer.Length, offset);
                error = count < 0 ? Errno.Last : NativeError.None;
            }
            while (error == NativeError.Interrupted);

            return error;
        }
    }

    /// <summary>
    /// sync_file_range(2): asks the kernel to begin writing a range to the disk now, so that <see cref="Sync"/> finds little left. A hint:
    /// its error is left for <see cref="Sync"/> to report.
    /// </summary>
    public void BeginWriteBack(long offset, long length) => _ = LibcFiles.sync_file_range(Number, offset, length, SYNC_FILE_RANGE_WRITE);

    /// <summary>
    /// fsync(2). An error is final: the kernel may have dropped the pages and would say yes the next time, so it is never repeated.
    /// (.NET's own Flush(true) loses the error.)
    /// </summary>
    public NativeError Sync() => DirectoryDescriptor.Sync(Number);

    protected override bool ReleaseHandle() => LibcFiles.close(Number) == 0;
}
