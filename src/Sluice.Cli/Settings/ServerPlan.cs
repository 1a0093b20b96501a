using Microsoft.Extensions.Logging;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Settings;

/// <summary>What a serving command was told, from the command line, the environment, a configuration file and its own defaults.</summary>
internal sealed class ServerPlan
{
    /// <summary>What the library is told.</summary>
    public SocketServerOptions Options { get; } = new();

    /// <summary>The language of what is printed.</summary>
    public Language Language { get; set; } = Languages.OfTheLocale();

    /// <summary>Whether lines for machines are JSON.</summary>
    public bool Json { get; set; }

    /// <summary>The least level that is logged.</summary>
    public LogLevel LogLevel { get; set; } = LogLevel.Information;

    /// <summary>The settings that somebody wrote down, by name.</summary>
    public HashSet<string> Given { get; } = new(StringComparer.Ordinal);
}
