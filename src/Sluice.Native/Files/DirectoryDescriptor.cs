using Microsoft.Win32.SafeHandles;

namespace Sluice.Native;

/// <summary>
/// A held directory. Every name given to it is one component, resolved in this directory whatever happens to its path meanwhile, and
/// never through a symbolic link. Safe from any thread.
/// </summary>
internal sealed unsafe class DirectoryDescriptor : SafeHandleMinusOneIsInvalid
{
    private const uint STATX_TYPE = 1;
    private const int W_OK = 2;
    private const int X_OK = 1;
    private const int AT_EACCESS = 0x200;

    // struct statvfs on 64-bit Linux: 112 bytes; f_frsize is its second word, f_bavail its fifth.
    private const int StatvfsWords = 14;

    private DirectoryDescriptor(int fd)
        : base(ownsHandle: true) => SetHandle(fd);

    private int Number => (int)handle;

    /// <summary>Opens a directory; a symbolic link as the path itself is followed, for it is the operator's word.</summary>
    public static DirectoryDescriptor? Open(string path, out NativeError error)
    {
        fixed (byte* name = PathBytes.Of(path))
        {
            int fd = LibcFiles.openat(FileFlags.WorkingDirectory, name, FileFlags.ReadOnly | FileFlags.Directory | FileFlags.CloseOnExec, 0);
            error = fd < 0 ? Errno.Last : NativeError.None;
            return fd < 0 ? null : new DirectoryDescriptor(fd);
        }
    }

    /// <summary>What <paramref name="path"/> is, without opening it (opening a FIFO would wait for ever); missing when it cannot be told.</summary>
    public static EntryKind KindAt(string path)
    {
        FileStatus status = default;
        fixed (byte* name = PathBytes.Of(path))
        {
            return LibcFiles.statx(FileFlags.WorkingDirectory, name, FileFlags.SymlinkNoFollow, STATX_TYPE, &status) == 0
                ? KindOf(status.Mode)
                : EntryKind.Missing;
        }
    }

    /// <summary>faccessat(2): whether this user may create and rename here.</summary>
    public NativeError CheckWritable()
    {
        byte* here = stackalloc byte[2] { (byte)'.', 0 };
        return Held(fd => LibcFiles.faccessat(fd, here, W_OK | X_OK, AT_EACCESS));
    }

    /// <summary>Creates a file that did not exist (O_EXCL), open for writing; <paramref name="mode"/> is masked by the umask.</summary>
    public OpenFile? Create(string name, uint mode, out NativeError error)
    {
        int flags = FileFlags.WriteOnly | FileFlags.Create | FileFlags.Exclusive | FileFlags.NoFollow | FileFlags.CloseOnExec;
        fixed (byte* path = PathBytes.Of(name))
        {
            byte* pinned = path;
            int created = -1;
            error = Held(fd => created = LibcFiles.openat(fd, pinned, flags, mode));
            return error == NativeError.None ? new OpenFile(created) : null;
        }
    }

    /// <summary>What <paramref name="name"/> is; <see cref="EntryKind.Missing"/> is no error.</summary>
    public NativeError Describe(string name, out EntryKind kind)
    {
        FileStatus status = default;
        FileStatus* result = &status;
        fixed (byte* path = PathBytes.Of(name))
        {
            byte* pinned = path;
            NativeError error = Held(fd => LibcFiles.statx(fd, pinned, FileFlags.SymlinkNoFollow, STATX_TYPE, result));
            kind = error == NativeError.None ? KindOf(status.Mode) : EntryKind.Missing;
            return error == NativeError.NoEntry ? NativeError.None : error;
        }
    }

    /// <summary>renameat(2) within this directory: replaces <paramref name="to"/> at one instant, a symbolic link itself rather than its target.</summary>
    public NativeError Rename(string from, string to)
    {
        fixed (byte* source = PathBytes.Of(from), target = PathBytes.Of(to))
        {
            byte* pinnedSource = source, pinnedTarget = target;
            return Held(fd => LibcFiles.renameat(fd, pinnedSource, fd, pinnedTarget));
        }
    }

    /// <summary>unlinkat(2) of a file, never of a directory.</summary>
    public NativeError Remove(string name)
    {
        fixed (byte* path = PathBytes.Of(name))
        {
            byte* pinned = path;
            return Held(fd => LibcFiles.unlinkat(fd, pinned, 0));
        }
    }

    /// <summary>fsync(2) of the directory itself: makes a rename survive a power cut.</summary>
    public NativeError Sync() => Held(LibcFiles.fsync);

    /// <summary>fstatvfs(3): bytes this user may still write here; <see cref="long.MaxValue"/> when the file system does not say.</summary>
    public long Available()
    {
        ulong* status = stackalloc ulong[StatvfsWords];
        NativeError error = Held(fd => LibcFiles.fstatvfs(fd, status));
        const int fragmentSize = 1, availableBlocks = 4, blocks = 2;
        return error != NativeError.None || status[blocks] == 0
            ? long.MaxValue
            : (long)UInt128.Min((UInt128)status[fragmentSize] * status[availableBlocks], long.MaxValue);
    }

    /// <summary>The kind in a mode word. inode(7).</summary>
    internal static EntryKind KindOf(int mode) => (mode & 0xF000) switch
    {
        0x8000 => EntryKind.Regular,
        0x4000 => EntryKind.Directory,
        0xA000 => EntryKind.SymbolicLink,
        0x1000 => EntryKind.Fifo,
        0xC000 => EntryKind.Socket,
        0x2000 or 0x6000 => EntryKind.Device,
        _ => EntryKind.Other,
    };

    /// <summary>fsync(2), repeated only after a signal.</summary>
    internal static NativeError Sync(int fd)
    {
        NativeError error;
        do
        {
            error = LibcFiles.fsync(fd) < 0 ? Errno.Last : NativeError.None;
        }
        while (error == NativeError.Interrupted);

        return error;
    }

    protected override bool ReleaseHandle() => LibcFiles.close(Number) == 0;

    /// <summary>Runs a call with the descriptor held open against a concurrent Dispose, again after a signal.</summary>
    private NativeError Held(Func<int, int> call)
    {
        bool held = false;
        try
        {
            DangerousAddRef(ref held);
            NativeError error;
            do
            {
                error = call(Number) < 0 ? Errno.Last : NativeError.None;
            }
            while (error == NativeError.Interrupted);

            return error;
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }
}
