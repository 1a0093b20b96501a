using System.Text.Json;

namespace Sluice.Cli.Settings;

/// <summary>The configuration file: a JSON object with the names of the options and their values as text, number, true or false.</summary>
internal static class ConfigFile
{
    private static readonly JsonDocumentOptions Lenient = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <summary>Reads it. A name that the command does not have is refused: it would be ignored.</summary>
    public static Dictionary<string, string[]> Read(string file, IReadOnlyList<ServerSetting> settings)
    {
        using JsonDocument document = Parse(file);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw Bad(file, "it is not an object, as in {\"model\": \"thread\"}");
        }

        var values = new Dictionary<string, string[]>(StringComparer.Ordinal);
        foreach (JsonProperty property in document.RootElement.EnumerateObject())
        {
            ServerSetting setting = settings.FirstOrDefault(setting => setting.Name == property.Name)
                ?? throw Bad(file, $"'{property.Name}' is not a setting of this command; it has {string.Join(", ", settings.Select(setting => setting.Name))}");
            values[property.Name] = setting.IsRepeatable && property.Value.ValueKind == JsonValueKind.Array
                ? [.. property.Value.EnumerateArray().Select(element => Text(file, setting, element))]
                : [Text(file, setting, property.Value)];
        }

        return values;
    }

    private static JsonDocument Parse(string file)
    {
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(file), Lenient);
        }
        catch (JsonException error)
        {
            throw Bad(file, error.Message);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SluiceException(CliErrorIds.BadConfig, $"cannot read the configuration {file}: {error.Message}; check the path given by --config or SLUICE_CONFIG");
        }
    }

    private static string Text(string file, ServerSetting setting, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => throw Bad(file, $"'{setting.Name}' is neither text nor a number, true or false"),
    };

    private static UsageException Bad(string file, string what) => new(CliErrorIds.BadConfig, $"cannot use the configuration {file}: {what}");
}
