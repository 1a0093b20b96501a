namespace Sluice.Files;

/// <summary>
/// What clients of other protocols say first, which could pass for a name that fills all 36 bytes: a browser or a scanner must not leave a
/// partial file behind. (A TLS hello and most HTTP requests hold control bytes there and are no names anyway.)
/// </summary>
internal static class ForeignProtocol
{
    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"];

    /// <summary>Whether the 36 bytes begin an SSH or rsync greeting or an HTTP request.</summary>
    public static bool Begins(ReadOnlySpan<byte> field)
    {
        if (field.StartsWith("SSH-"u8) || field.StartsWith("@RSYNCD:"u8))
        {
            return true;
        }

        int space = field.IndexOf((byte)' ');
        if (space <= 0 || space + 1 == field.Length || field[space + 1] is not ((byte)'/' or (byte)'*'))
        {
            return false;
        }

        foreach (string method in Methods)
        {
            if (System.Text.Ascii.Equals(field[..space], method))
            {
                return true;
            }
        }

        return false;
    }
}
