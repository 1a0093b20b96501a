namespace Sluice.Files;

/// <summary>What a sender of files is told.</summary>
public sealed class FileSenderOptions
{
    /// <summary>The header layout to send, not Auto. Defaults to <see cref="V1Layout.Bytes48"/>, what 64-bit Linux sends.</summary>
    public V1Layout Layout { get; set; } = V1Layout.Bytes48;

    /// <summary>
    /// How long <see cref="FileSender.FinishAsync"/> waits for the receiver to close in its turn: the tutorial's own server never does.
    /// Defaults to 2 s.
    /// </summary>
    public TimeSpan CloseWait { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The clock of that wait. Defaults to the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;
}

/// <summary>How far a file has been sent, for a progress bar.</summary>
/// <param name="Path">The file as the caller named it.</param>
/// <param name="Name">The name in the header.</param>
/// <param name="Sent">Bytes of content handed to the connection.</param>
/// <param name="Size">The announced size in bytes.</param>
public readonly record struct FileSendProgress(string Path, string Name, long Sent, long Size);
