namespace Sluice.Files;

/// <summary>How the sender's Python packed the header <c>36sl</c>.</summary>
public enum V1Layout
{
    /// <summary>Tell from the bytes; see <c>docs/protocols/files-v1.md</c> for the rule.</summary>
    Auto,

    /// <summary>40 bytes: name[36], size as signed 32-bit little-endian. Windows, and 32-bit Linux.</summary>
    Bytes40,

    /// <summary>48 bytes: name[36], 4 bytes of padding, size as signed 64-bit little-endian. 64-bit Linux and macOS.</summary>
    Bytes48,
}
