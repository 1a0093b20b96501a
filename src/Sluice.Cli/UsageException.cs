namespace Sluice.Cli;

/// <summary>The command line is wrong: one line, exit code 2.</summary>
internal sealed class UsageException(string id, string message) : SluiceException(id, message)
{
    public UsageException(string message)
        : this(CliErrorIds.BadUsage, message)
    {
    }
}
