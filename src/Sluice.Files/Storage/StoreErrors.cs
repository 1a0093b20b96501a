using Sluice.Native;

namespace Sluice.Files;

/// <summary>What the operating system said, in words and with an id.</summary>
internal static class StoreErrors
{
    /// <summary>The exception for a call on <paramref name="name"/> that failed: SLU0405 for a full disk or quota, SLU0404 for a directory in the way, else SLU0406.</summary>
    public static SluiceException Failed(string verb, string name, NativeError error) => new(
        error switch
        {
            NativeError.NoSpace or NativeError.Quota => FileErrorIds.NoSpace,
            NativeError.IsDirectory => FileErrorIds.TargetNotAFile,
            _ => FileErrorIds.StoreFailed,
        },
        $"cannot {verb} {Quoted.Text(name)}: {Say(error)}");

    public static string Say(NativeError error) => error switch
    {
        NativeError.NoSpace => "the disk is full",
        NativeError.Quota => "the disk quota is used up",
        NativeError.Io => "the disk reported an input/output error",
        NativeError.ReadOnly => "the file system is read-only",
        NativeError.NoEntry => "it does not exist",
        NativeError.NotDirectory => "it is not a directory",
        NativeError.IsDirectory => "a directory is in the way",
        NativeError.AccessDenied or NativeError.NotPermitted => "permission denied",
        NativeError.FileTooLarge => "the file system or a limit does not take a file of this size",
        NativeError.NameTooLong => "the name is too long for the file system",
        NativeError.ProcessFileLimit or NativeError.SystemFileLimit => "too many files are open",
        NativeError.TooManyLinks => "a symbolic link is in the way",
        _ => $"the operating system said {error}",
    };

    public static string Say(EntryKind kind) => kind switch
    {
        EntryKind.Directory => "a directory",
        EntryKind.SymbolicLink => "a symbolic link",
        EntryKind.Fifo => "a FIFO",
        EntryKind.Socket => "a socket",
        EntryKind.Device => "a device",
        EntryKind.Regular => "a regular file",
        EntryKind.Missing => "nothing",
        _ => "something that is no regular file",
    };
}
