namespace Sluice.Files;

/// <summary>What a receiver of files is told.</summary>
public sealed class FileReceiverOptions
{
    /// <summary>One tebibyte, the default of <see cref="MaxFileSize"/>.</summary>
    public const long DefaultMaxFileSize = 1L << 40;

    /// <summary>The directory to receive into. It must exist and be writable; it is never created. Required.</summary>
    public string Directory { get; set; } = "";

    /// <summary>The header layout of the senders. Defaults to <see cref="V1Layout.Auto"/>: told from the bytes, for each connection.</summary>
    public V1Layout Layout { get; set; }

    /// <summary>The largest file taken, in bytes. Defaults to 1 TiB.</summary>
    public long MaxFileSize { get; set; } = DefaultMaxFileSize;

    /// <summary>The clock of the 300 ms of silence behind a header that may be whole. Defaults to the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;
}
