using Sluice.Native;

namespace Sluice.Files;

/// <summary>A file on its way out: open, regular, with a name and a size that a header can carry.</summary>
internal sealed class OutgoingFile : IDisposable
{
    private readonly OpenFile _file;
    private readonly string _path;

    private OutgoingFile(OpenFile file, string path, string name, long size)
    {
        _file = file;
        _path = path;
        Name = name;
        Size = size;
    }

    /// <summary>The last component of the path.</summary>
    public string Name { get; }

    /// <summary>Bytes when it was opened.</summary>
    public long Size { get; }

    public static OutgoingFile Open(string path, V1Layout layout)
    {
        if (path.Length == 0 || path.Contains('\0'))
        {
            throw new SluiceException(FileErrorIds.CannotRead, $"cannot send {Quoted.Text(path)}: it is no path");
        }

        OpenFile? file = OpenFile.OpenToRead(path, out NativeError error);
        if (file is null)
        {
            throw new SluiceException(FileErrorIds.CannotRead, $"cannot send {Quoted.Text(path)}: {StoreErrors.Say(error)}");
        }

        error = file.Describe(out EntryKind kind, out long size);
        string name = Path.GetFileName(path);
        Refusal? refusal = error != NativeError.None ? new(FileErrorIds.CannotRead, $"cannot send {Quoted.Text(path)}: {StoreErrors.Say(error)}")
            : kind != EntryKind.Regular ? new(FileErrorIds.CannotRead, $"cannot send {Quoted.Text(path)}: it is {StoreErrors.Say(kind)}, and v1 sends regular files only")
            : V1Header.CheckName(name) ?? V1Header.CheckSize(name, size, layout);
        if (refusal is not null)
        {
            file.Dispose();
            throw refusal.ToException();
        }

        return new OutgoingFile(file, path, name, size);
    }

    /// <summary>Reads at <paramref name="offset"/>, at least one byte. Throws SLU0413 at the end of the file, which comes before <see cref="Size"/>.</summary>
    public int Read(Span<byte> buffer, long offset)
    {
        NativeError error = _file.Read(buffer, offset, out int count);
        return error != NativeError.None
            ? throw new SluiceException(FileErrorIds.CannotRead, $"cannot read on in {Quoted.Text(_path)}: {StoreErrors.Say(error)}")
            : count > 0
                ? count
                : throw new SluiceException(FileErrorIds.SourceChanged, $"{Quoted.Text(_path)} became shorter while it was sent: {offset} of {Size} bytes; the transfer was broken off, send it again");
    }

    public void Dispose() => _file.Dispose();
}
