namespace Sluice.Cli;

/// <summary>The error ids of the command itself. Each has a page in <c>docs/errors</c>; an id is never given to another error.</summary>
internal static class CliErrorIds
{
    /// <summary>A word of the command line that is not understood, or one that is missing.</summary>
    public const string BadUsage = "SLU0601";

    /// <summary>A configuration file that cannot be read or understood.</summary>
    public const string BadConfig = "SLU0602";

    /// <summary>A known word whose feature is not in this build.</summary>
    public const string NotInThisBuild = "SLU0603";

    /// <summary>The other side closed the connection before it answered.</summary>
    public const string PeerLeft = "SLU0604";

    /// <summary>An error that the command has no name for.</summary>
    public const string Unexpected = "SLU0605";

    /// <summary>The pid file names another process that lives.</summary>
    public const string PidFileTaken = "SLU0606";

    /// <summary>The pid file cannot be written.</summary>
    public const string PidFileNotWritten = "SLU0607";

    /// <summary>The server that a pid file names was not replaced.</summary>
    public const string NotUpgraded = "SLU0608";

    /// <summary>No datagram came back in time.</summary>
    public const string NoAnswer = "SLU0609";
}
