namespace Sluice.Native;

/// <summary>What a name in a directory is, symbolic links not followed. inode(7).</summary>
internal enum EntryKind
{
    Missing,
    Regular,
    Directory,
    SymbolicLink,
    Fifo,
    Socket,
    Device,
    Other,
}
