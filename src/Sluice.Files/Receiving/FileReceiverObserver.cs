using Microsoft.AspNetCore.Connections;

namespace Sluice.Files;

/// <summary>
/// Is told what a receiver does, to print or to count it. Every method is called on the thread that serves the connection, connections side
/// by side: it must be thread-safe and quick. Names and messages hold no control characters. An exception ends the connection.
/// </summary>
public abstract class FileReceiverObserver
{
    /// <summary>A file begins; its target has been checked and its temporary file is open.</summary>
    public virtual void OnStarted(ReceivingFile file)
    {
    }

    /// <summary>More of a file was written; <paramref name="received"/> counts from its beginning. Called once a read.</summary>
    public virtual void OnProgress(ReceivingFile file, long received)
    {
    }

    /// <summary>A file is published under its name and durable.</summary>
    public virtual void OnCompleted(ReceivingFile file)
    {
    }

    /// <summary>The sender left inside a file (SLU0407). <paramref name="partialPath"/> holds what came; null when nothing could be kept.</summary>
    public virtual void OnCutShort(ReceivingFile file, long received, string? partialPath, Refusal reason)
    {
    }

    /// <summary>Something is odd, and the transfer goes on (SLU0410).</summary>
    public virtual void OnWarned(ConnectionContext connection, Refusal warning)
    {
    }

    /// <summary>
    /// The connection ends because of <paramref name="reason"/>; its file was not published (only where the last step
    /// failed, the sync of the directory, it stands there without the promise to survive a power cut). <paramref name="file"/> is null when
    /// it did not come to a file: a bad header or name, or a stream that ended inside a header.
    /// </summary>
    public virtual void OnRefused(ConnectionContext connection, ReceivingFile? file, Refusal reason)
    {
    }
}

/// <summary>A file that is being received.</summary>
/// <param name="Connection">The sender's connection.</param>
/// <param name="NameAsSent">The name as the sender wrote it, maybe a path.</param>
/// <param name="Name">The stored file's name.</param>
/// <param name="Path">The directory as configured, a slash and the name.</param>
/// <param name="Size">The file's size in bytes.</param>
/// <param name="Layout">The header's layout.</param>
public sealed record ReceivingFile(ConnectionContext Connection, string NameAsSent, string Name, string Path, long Size, V1Layout Layout);
