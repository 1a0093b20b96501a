using Microsoft.AspNetCore.Connections;
using Sluice.Transports;

namespace Sluice.Files;

/// <summary>
/// Receives files by the v1 protocol: many on a connection, connections side by side. Serve it under any model; file I/O is synchronous on
/// the thread that serves the connection, so a blocking model (<c>thread</c>) suits it best.
/// </summary>
public sealed class FileReceiverHandler : ConnectionHandler, IDisposable
{
    private readonly FileReceiverOptions _options;
    private readonly FileReceiverObserver _observer;
    private readonly FileStore _store;

    /// <summary>
    /// Checks the options and opens the directory. Throws SLU0408 when it is missing, no directory or not writable, SLU0403 for a negative
    /// limit.
    /// </summary>
    public FileReceiverHandler(FileReceiverOptions options, FileReceiverObserver? observer = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxFileSize < 0)
        {
            throw new SluiceException(FileErrorIds.SizeOutOfRange, $"the largest file cannot have {options.MaxFileSize} bytes; give a limit of 0 or more");
        }

        _options = options;
        _observer = observer ?? Silent.Instance;
        _store = FileStore.Open(options.Directory);
    }

    /// <summary>
    /// Throws SLU0409 when others than this machine could reach <paramref name="url"/>: v1 has no authentication, so anybody could fill
    /// the disk and replace files. <paramref name="insecure"/> allows it.
    /// </summary>
    public static void CheckListen(SocketAddressUrl url, bool insecure)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (!insecure && !url.IsLocal)
        {
            throw new SluiceException(FileErrorIds.NotLocal, $"refused to receive v1 files on {url}: the protocol has no authentication and others can reach this address; listen on 127.0.0.1 or a Unix socket, or add --insecure");
        }
    }

    /// <inheritdoc/>
    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        using var reception = new Reception(connection, _options, _store, _observer);
        await reception.RunAsync();
    }

    /// <summary>Gives the directory up. Call it when the server has stopped.</summary>
    public void Dispose() => _store.Dispose();

    private sealed class Silent : FileReceiverObserver
    {
        public static readonly Silent Instance = new();
    }
}
