namespace Sluice.Transports;

/// <summary>The file of a bound Unix socket.</summary>
internal static class SocketFile
{
    /// <summary>Deletes it, where the address has one.</summary>
    public static void Delete(SocketAddressUrl url)
    {
        if (!url.Path.StartsWith('/'))
        {
            return;
        }

        try
        {
            File.Delete(url.Path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Who binds there the next time removes it.
        }
    }
}
