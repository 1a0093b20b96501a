namespace Sluice.Cli.Settings;

/// <summary>One setting of a server: what it is called in each of its sources, and what it does.</summary>
internal sealed class ServerSetting(string name, string placeholder, string description, Action<ServerPlan, string> apply)
{
    /// <summary>The name in a configuration file.</summary>
    public string Name => name;

    /// <summary>The name on the command line.</summary>
    public string Option => "--" + name;

    /// <summary>The name in the environment.</summary>
    public string Variable => "SLUICE_" + name.ToUpperInvariant().Replace('-', '_');

    /// <summary>What stands for its value in the help; empty for a switch.</summary>
    public string Placeholder => placeholder;

    /// <summary>The help.</summary>
    public string Description => description;

    /// <summary>Whether it is a switch: on the command line its name is enough.</summary>
    public bool IsSwitch => placeholder.Length == 0;

    /// <summary>Whether it may be given more than once.</summary>
    public bool IsRepeatable { get; init; }

    /// <summary>The default as the help says it; null is none. Commands may have others.</summary>
    public string? Default { get; init; }

    /// <summary>The models that honour it; null is every model.</summary>
    public string[]? HonouredBy { get; init; }

    /// <summary>The addresses that honour it; null is every address.</summary>
    public SettingAddresses? HonouredAt { get; init; }

    /// <summary>Takes a value.</summary>
    /// <param name="plan">What it changes.</param>
    /// <param name="text">The value as written.</param>
    /// <param name="origin">Where it was written, as the person who wrote it would say.</param>
    public void Apply(ServerPlan plan, string text, string origin)
    {
        try
        {
            apply(plan, text);
            plan.Given.Add(name);
        }
        catch (FormatException expected)
        {
            throw new UsageException(ErrorIds.OptionOutOfRange, $"{origin} cannot be '{text}'; give {expected.Message}");
        }
    }
}
