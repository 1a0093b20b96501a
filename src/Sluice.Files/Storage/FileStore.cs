using System.Security.Cryptography;
using Sluice.Native;

namespace Sluice.Files;

/// <summary>
/// A directory that files are received into, held by its descriptor: whatever happens to its path meanwhile, nothing is written outside of
/// it. Safe from any thread; receptions side by side never share a file.
/// </summary>
internal sealed class FileStore : IDisposable
{
    // 0644, masked by the umask: what is received is never executable.
    private const uint Mode = 0b110_100_100;

    private readonly DirectoryDescriptor _directory;

    private FileStore(string path, DirectoryDescriptor directory)
    {
        Path = path;
        _directory = directory;
    }

    /// <summary>The directory as the operator wrote it.</summary>
    public string Path { get; }

    internal DirectoryDescriptor Directory => _directory;

    /// <summary>Opens an existing, writable directory, or throws SLU0408.</summary>
    public static FileStore Open(string path)
    {
        if (path.Length == 0 || path.Contains('\0'))
        {
            throw new SluiceException(FileErrorIds.DirectoryUnusable, "cannot receive into a directory without a name; name one that exists");
        }

        DirectoryDescriptor? directory = DirectoryDescriptor.Open(path, out NativeError error);
        error = directory is null ? error : directory.CheckWritable();
        if (error != NativeError.None)
        {
            directory?.Dispose();
            throw new SluiceException(FileErrorIds.DirectoryUnusable, $"cannot receive into {Quoted.Text(path)}: {StoreErrors.Say(error)}; create it, or name another");
        }

        return new FileStore(path, directory!);
    }

    /// <summary>
    /// Begins to receive <paramref name="name"/>, one component that has passed the rule of names. Throws SLU0404 when something that is no
    /// regular file has that name, SLU0405 when <paramref name="size"/> does not fit, SLU0406 when the file system refuses.
    /// </summary>
    public IncomingFile Create(string name, long size)
    {
        CheckTarget(name);
        long available = _directory.Available();
        if (size > available)
        {
            throw new SluiceException(FileErrorIds.NoSpace, $"cannot store {Quoted.Text(name)}: it has {size} bytes and {available} are free in {Quoted.Text(Path)}; make room there");
        }

        Span<byte> random = stackalloc byte[8];
        while (true)
        {
            RandomNumberGenerator.Fill(random);
            string temporary = $"{StoredName.OurPrefix}-{Convert.ToHexStringLower(random)}.tmp";
            OpenFile? file = _directory.Create(temporary, Mode, out NativeError error);
            if (file is not null)
            {
                return new IncomingFile(this, file, name, temporary);
            }

            if (error != NativeError.Exists)
            {
                throw StoreErrors.Failed("create", name, error);
            }
        }
    }

    /// <summary>A name in this directory as a person reads it: the directory as written, a slash, the name.</summary>
    public string PathOf(string name) => $"{Path.TrimEnd('/')}/{name}";

    /// <summary>Throws SLU0404 when <paramref name="name"/> is taken by something that is no regular file.</summary>
    public void CheckTarget(string name)
    {
        NativeError error = _directory.Describe(name, out EntryKind kind);
        if (error != NativeError.None)
        {
            throw StoreErrors.Failed("look at", name, error);
        }

        if (kind is not (EntryKind.Missing or EntryKind.Regular))
        {
            throw new SluiceException(FileErrorIds.TargetNotAFile, $"refused {Quoted.Text(name)}: {StoreErrors.Say(kind)} of that name exists in {Quoted.Text(Path)}; move it away");
        }
    }

    public void Dispose() => _directory.Dispose();
}
