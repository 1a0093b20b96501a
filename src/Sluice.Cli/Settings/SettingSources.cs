using System.CommandLine;
using Sluice.Models;

namespace Sluice.Cli.Settings;

/// <summary>The settings of one command and where their values come from: command line, then environment, then configuration file, then default.</summary>
internal sealed class SettingSources
{
    private readonly ServerSetting[] _settings;
    private readonly Dictionary<string, Option> _options = new(StringComparer.Ordinal);
    private readonly Option<string?> _config = new("--config") { HelpName = "FILE", Description = "A JSON file with the same names, as in {\"model\": \"thread\"}. Order: command line, SLUICE_… environment, file." };

    /// <param name="command">The command that gets the options.</param>
    /// <param name="settings">What it takes.</param>
    /// <param name="defaults">Its own defaults, for the help.</param>
    public SettingSources(Command command, ServerSetting[] settings, params (string Name, string Default)[] defaults)
    {
        _settings = settings;
        foreach (ServerSetting setting in settings)
        {
            string? standard = Array.Find(defaults, own => own.Name == setting.Name).Default ?? setting.Default;
            string description = standard is null ? setting.Description : $"{setting.Description} [default: {standard}]";
            Option option = setting.IsSwitch ? new Option<bool>(setting.Option) { Description = description }
                : setting.IsRepeatable ? new Option<string[]>(setting.Option) { Description = description, HelpName = setting.Placeholder }
                : new Option<string?>(setting.Option) { Description = description, HelpName = setting.Placeholder };
            _options.Add(setting.Name, option);
            command.Add(option);
        }

        command.Add(_config);
    }

    /// <summary>The settings that stand on the command line itself, as written there.</summary>
    public IEnumerable<string> OnCommandLine(ParseResult parsed) =>
        _options.Values.Append(_config).Where(option => parsed.GetResult(option) is { Implicit: false }).Select(option => option.Name);

    /// <summary>Takes every value into <paramref name="plan"/>, which holds the command's defaults, and refuses what its models and addresses cannot honour.</summary>
    public void Apply(ServerPlan plan, ParseResult parsed)
    {
        string? file = parsed.GetValue(_config) ?? Variable("SLUICE_CONFIG");
        Dictionary<string, string[]> configured = file is null ? [] : ConfigFile.Read(file, _settings);
        var origins = new List<(ServerSetting Setting, string Origin)>();
        foreach (ServerSetting setting in _settings)
        {
            (string[] values, string origin) = Find(setting, parsed, configured, file);
            foreach (string value in values)
            {
                setting.Apply(plan, value, origin);
            }

            // A switch that is off asks for nothing.
            if (values.Length > 0 && !(setting.IsSwitch && !SettingValues.Switch(values[^1])))
            {
                origins.Add((setting, origin));
            }
        }

        RefuseWhatCannotBeHonoured(plan, origins);
    }

    /// <summary>Takes one setting only, for a command that does not serve this time.</summary>
    public void ApplyOnly(ServerSetting setting, ServerPlan plan, ParseResult parsed)
    {
        (string[] values, string origin) = Find(setting, parsed, [], file: null);
        foreach (string value in values)
        {
            setting.Apply(plan, value, origin);
        }
    }

    private (string[] Values, string Origin) Find(ServerSetting setting, ParseResult parsed, Dictionary<string, string[]> configured, string? file)
    {
        if (parsed.GetResult(_options[setting.Name]) is { Implicit: false } result)
        {
            string[] values = [.. result.Tokens.Select(token => token.Value)];
            return (values.Length == 0 ? ["true"] : values, setting.Option);
        }

        if (Variable(setting.Variable) is { } variable)
        {
            return (setting.IsRepeatable ? variable.Split(' ', ',').Where(part => part.Length > 0).ToArray() : [variable], setting.Variable);
        }

        return (configured.GetValueOrDefault(setting.Name, []), $"'{setting.Name}' in {file}");
    }

    // No option may be taken and ignored.
    private static void RefuseWhatCannotBeHonoured(ServerPlan plan, List<(ServerSetting Setting, string Origin)> given)
    {
        ListenAddress[] addresses = ListenAddress.All(plan.Options);
        string[] schemes = [.. addresses.Select(address => address.Url.Scheme)];
        string[] models = ModelsOf(plan, addresses);
        string? inner = models.Contains("prefork", StringComparer.Ordinal) ? ConcurrencyModels.Find(plan.Options.Workers.Inner).Name : null; // which honours its own
        foreach ((ServerSetting setting, string origin) in given)
        {
            if (setting.HonouredBy is { } able && !able.Intersect(models, StringComparer.Ordinal).Any() && !able.Contains(inner, StringComparer.Ordinal))
            {
                string names = able.Length == 1 ? $"the model {able[0]}" : $"the models {string.Join(", ", able)}";
                string here = models.Length == 1 ? $"the model here is {models[0]}" : $"the models here are {string.Join(", ", models)}";
                throw new UsageException(ErrorIds.OptionNotHonoured, $"{origin} is for {names}, and {here}; leave it out, or choose that model");
            }

            if (setting.HonouredAt is { } places && schemes.Length > 0 && !places.Schemes.Intersect(schemes, StringComparer.Ordinal).Any())
            {
                throw new UsageException(ErrorIds.OptionNotHonoured, $"{origin} is for {places.Subject}, and there is none here{places.Advice}");
            }
        }
    }

    // Those that serve: where every address has a model of its own, the server's serves none.
    private static string[] ModelsOf(ServerPlan plan, ListenAddress[] addresses)
    {
        string server = ConcurrencyModels.Find(plan.Options.Model is "auto" && plan.Auto is { } auto ? auto : plan.Options.Model).Name;
        return addresses.Length == 0
            ? [server]
            : [.. addresses.Select(address => address.Model is { } own ? ConcurrencyModels.Find(own).Name : server).Distinct(StringComparer.Ordinal)];
    }

    // An empty variable is one that is not set.
    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
