using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Files;

/// <summary>
/// Sends files by the v1 protocol over connections that are already made. Every failure is a <see cref="SluiceException"/> with one of
/// <see cref="FileErrorIds"/>. Safe from any thread; one call at a time on a connection.
/// </summary>
public sealed class FileSender
{
    private const int Piece = 128 * 1024;

    private readonly FileSenderOptions _options;

    /// <summary>Creates a sender.</summary>
    public FileSender(FileSenderOptions? options = null)
    {
        _options = options ?? new FileSenderOptions();
        _ = V1Header.Length(_options.Layout);
    }

    /// <summary>
    /// Whether <paramref name="path"/> can be sent. Throws SLU0411 for what is no readable regular file, SLU0412 for a name (the last
    /// component) above 36 bytes of UTF-8, SLU0403 for a size that the layout cannot say.
    /// </summary>
    public void Check(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        OutgoingFile.Open(path, _options.Layout).Dispose();
    }

    /// <summary>Sends files one after another, having checked all of them before the first byte.</summary>
    public async Task SendAsync(
        ConnectionContext connection,
        IReadOnlyList<string> paths,
        IProgress<FileSendProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(paths);
        foreach (string path in paths)
        {
            Check(path);
        }

        foreach (string path in paths)
        {
            await SendAsync(connection, path, progress, cancellation);
        }
    }

    /// <summary>
    /// Sends one file: the size found when it is opened, exactly. What it grows by meanwhile is left out; when it turns out shorter, or is
    /// cancelled, the connection is aborted, so that the receiver does not publish it (SLU0413). SLU0414: the receiver left.
    /// </summary>
    /// <param name="connection">A connection to a receiver; it stays open.</param>
    /// <param name="path">The file to send.</param>
    /// <param name="progress">Told after every piece, on the sending thread.</param>
    /// <param name="cancellation">Gives up, and aborts the connection.</param>
    public async Task SendAsync(
        ConnectionContext connection,
        string path,
        IProgress<FileSendProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(path);
        using OutgoingFile file = OutgoingFile.Open(path, _options.Layout);
        PipeWriter output = connection.Transport.Output;
        try
        {
            output.Advance(V1Header.Encode(file.Name, file.Size, _options.Layout, output.GetSpan(V1Header.LongLength)));
            progress?.Report(new(path, file.Name, 0, file.Size));
            for (long sent = 0; sent < file.Size;)
            {
                // The file is read into the memory that the connection sends from.
                Memory<byte> memory = output.GetMemory(Piece);
                int count = file.Read(memory.Span[..(int)Math.Min(memory.Length, file.Size - sent)], sent);
                output.Advance(count);
                sent += count;
                await FlushAsync(output, path, cancellation);
                progress?.Report(new(path, file.Name, sent, file.Size));
            }

            if (file.Size == 0)
            {
                await FlushAsync(output, path, cancellation);
            }
        }
        catch (Exception error) when (error is SluiceException or OperationCanceledException)
        {
            connection.Abort(new ConnectionAbortedException(error.Message));
            if (error is ConnectionAbortedException)
            {
                throw Left(path, error);
            }

            throw;
        }
        catch (IOException error)
        {
            throw Left(path, error);
        }
    }

    /// <summary>
    /// Says that no more files follow, and waits up to <see cref="FileSenderOptions.CloseWait"/> for the receiver to close as well. v1 has
    /// no acknowledgement: a receiver of ours closes after it stored everything, and resets when it refused something, which throws SLU0414.
    /// </summary>
    /// <returns>Whether the receiver closed in time; false says nothing either way.</returns>
    public async Task<bool> FinishAsync(ConnectionContext connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        using var wait = new CancellationTokenSource(_options.CloseWait, _options.TimeProvider);
        try
        {
            await connection.Transport.Output.CompleteAsync();
            PipeReader input = connection.Transport.Input;
            while (true)
            {
                ReadResult result = await input.ReadAsync(wait.Token);
                input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (wait.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception error) when (error is IOException or ConnectionAbortedException)
        {
            throw Left(null, error);
        }

        return connection.Features.Get<IConnectionCloseReason>()?.CloseReason is null or CloseReason.None or CloseReason.Completed
            ? true
            : throw Left(null, null);
    }

    private static async ValueTask FlushAsync(PipeWriter output, string path, CancellationToken cancellation)
    {
        FlushResult result = await output.FlushAsync(cancellation);
        if (result.IsCompleted)
        {
            throw Left(path, null);
        }
    }

    private static SluiceException Left(string? path, Exception? error) => new(
        FileErrorIds.ReceiverLeft,
        $"the receiver ended the connection{(path is null ? " instead of closing it: it may not have stored the last file" : $" while {Quoted.Text(path)} was sent")}; look at what it says",
        error);
}
