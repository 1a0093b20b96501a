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

    /// <summary>The model that <c>auto</c> stands for in this command; null is the library's choice.</summary>
    public string? Auto { get; init; }

    /// <summary>Whether lines for machines are JSON.</summary>
    public bool Json { get; set; }

    /// <summary>The least level that is logged.</summary>
    public LogLevel LogLevel { get; set; } = LogLevel.Information;

    /// <summary>The file that names this process while it serves; null is none.</summary>
    public string? PidFile { get; set; }

    /// <summary>How this process is replaced.</summary>
    public UpgradeOptions Upgrade { get; } = new();

    /// <summary>The settings that somebody wrote down, by name.</summary>
    public HashSet<string> Given { get; } = new(StringComparer.Ordinal);
}
