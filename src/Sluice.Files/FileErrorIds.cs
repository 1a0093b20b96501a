namespace Sluice.Files;

/// <summary>Every error id of file transfer. Each has a page in <c>docs/errors</c>; an id is never given to another error.</summary>
public static class FileErrorIds
{
    /// <summary>What arrived is no v1 header: the name field holds a NUL inside the name, or nothing.</summary>
    public const string BadHeader = "SLU0401";

    /// <summary>A received name that cannot be stored safely.</summary>
    public const string BadName = "SLU0402";

    /// <summary>A size below 0, above the limit, or above what the header layout can say.</summary>
    public const string SizeOutOfRange = "SLU0403";

    /// <summary>The target's name is taken by something that is no regular file: a directory, a FIFO, a symbolic link.</summary>
    public const string TargetNotAFile = "SLU0404";

    /// <summary>The disk or the quota is full, or would be.</summary>
    public const string NoSpace = "SLU0405";

    /// <summary>The store failed: a write, a sync or a rename was refused by the operating system.</summary>
    public const string StoreFailed = "SLU0406";

    /// <summary>The sender left before the end of a file (kept as <c>.partial</c>) or inside a header.</summary>
    public const string CutShort = "SLU0407";

    /// <summary>The receive directory is missing, no directory, or not writable.</summary>
    public const string DirectoryUnusable = "SLU0408";

    /// <summary>v1 has no authentication and was asked to listen beyond this machine.</summary>
    public const string NotLocal = "SLU0409";

    /// <summary>A warning: a received name fills all 36 bytes, so the sender may have cut it.</summary>
    public const string NameMayBeCut = "SLU0410";

    /// <summary>The file to send is missing, unreadable or no regular file.</summary>
    public const string CannotRead = "SLU0411";

    /// <summary>The last component of the path to send is longer than the header's 36 bytes, or empty.</summary>
    public const string NameDoesNotFit = "SLU0412";

    /// <summary>The file to send became shorter while it was sent.</summary>
    public const string SourceChanged = "SLU0413";

    /// <summary>The receiver ended the connection before everything was sent and stored.</summary>
    public const string ReceiverLeft = "SLU0414";
}
