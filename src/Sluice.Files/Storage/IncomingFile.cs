using Sluice.Native;

namespace Sluice.Files;

/// <summary>
/// One file on its way in: a temporary file beside its target, which ends as the target (<see cref="Publish"/>), as
/// <c>NAME.partial</c> (<see cref="KeepPartial"/>) or not at all (Dispose). One thread at a time.
/// </summary>
internal sealed class IncomingFile : IDisposable
{
    /// <summary>How much is written before the kernel is asked to begin with the disk: little is left for the fsync at the end.</summary>
    private const long WriteBackPiece = 8 * 1024 * 1024;

    private readonly FileStore _store;
    private readonly OpenFile _file;
    private readonly string _name;
    private readonly string _temporary;
    private long _writtenBack;
    private bool _settled;

    internal IncomingFile(FileStore store, OpenFile file, string name, string temporary)
    {
        _store = store;
        _file = file;
        _name = name;
        _temporary = temporary;
    }

    /// <summary>Bytes written.</summary>
    public long Length { get; private set; }

    /// <summary>Appends, straight from the caller's memory. Throws SLU0405 or SLU0406.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        NativeError error = _file.Write(bytes, Length);
        if (error != NativeError.None)
        {
            throw StoreErrors.Failed("write", _name, error);
        }

        Length += bytes.Length;
        if (Length - _writtenBack >= WriteBackPiece)
        {
            _file.BeginWriteBack(_writtenBack, Length - _writtenBack);
            _writtenBack = Length;
        }
    }

    /// <summary>
    /// Makes the file durable under its name: fsync, rename, fsync of the directory. When it returns, the content survives a power cut;
    /// when it throws before the rename (SLU0404 to SLU0406), what had the name before has it still.
    /// </summary>
    public void Publish()
    {
        Require("sync", _file.Sync());
        _store.CheckTarget(_name);
        Require("rename", _store.Directory.Rename(_temporary, _name));
        _settled = true;
        Require("sync the directory of", _store.Directory.Sync());
    }

    /// <summary>
    /// Keeps what has come as <c>NAME.partial</c>, in place of an older one; no promise that it survives a power cut.
    /// </summary>
    /// <returns>The partial file's name, or null when it could not be kept: then it is gone.</returns>
    public string? KeepPartial()
    {
        string partial = _name + StoredName.PartialSuffix;
        if (_store.Directory.Describe(partial, out EntryKind kind) != NativeError.None
            || kind is not (EntryKind.Missing or EntryKind.Regular)
            || _store.Directory.Rename(_temporary, partial) != NativeError.None)
        {
            return null;
        }

        _settled = true;
        return partial;
    }

    /// <summary>Closes, and removes what was neither published nor kept.</summary>
    public void Dispose()
    {
        _file.Dispose();
        if (!_settled)
        {
            _settled = true;
            _ = _store.Directory.Remove(_temporary);
        }
    }

    private void Require(string verb, NativeError error)
    {
        if (error != NativeError.None)
        {
            throw StoreErrors.Failed(verb, _name, error);
        }
    }
}
