using System.CommandLine;
using Sluice.Cli.Settings;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Commands;

/// <summary><c>--lang</c> for the commands that are no servers: the same option and the same variable.</summary>
internal sealed class LanguageOption
{
    public Option<string?> Option { get; } = new(ServerSettings.Lang.Option) { HelpName = ServerSettings.Lang.Placeholder, Description = $"{ServerSettings.Lang.Description} [default: {ServerSettings.Lang.Default}]" };

    public Language Value(ParseResult parsed)
    {
        var plan = new ServerPlan();
        if (parsed.GetValue(Option) is { } written)
        {
            ServerSettings.Lang.Apply(plan, written, ServerSettings.Lang.Option);
        }
        else if (Environment.GetEnvironmentVariable(ServerSettings.Lang.Variable) is { Length: > 0 } variable)
        {
            ServerSettings.Lang.Apply(plan, variable, ServerSettings.Lang.Variable);
        }

        return plan.Language;
    }
}
