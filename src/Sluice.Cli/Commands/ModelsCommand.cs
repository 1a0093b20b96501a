using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Cli.Terminal;
using Sluice.Models;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice models</c></summary>
internal static class ModelsCommand
{
    private static readonly string[] Header = ["model", "concurrent", "cores", "blocking handler", "memory", "a crash ends", "what it is"];

    public static Command Make()
    {
        var json = new Option<bool>("--json") { Description = "One JSON object." };
        var command = new Command("models", "What each concurrency model is, and whether it can run here.") { json };
        command.SetAction(parsed =>
        {
            if (parsed.GetValue(json))
            {
                PrintJson();
            }
            else
            {
                PrintTable();
            }
        });
        return command;
    }

    private static void PrintTable()
    {
        string[] auto = ["auto", "", "", "", "", "", $"stands for {ConcurrencyModels.Auto.Name} on this machine"];
        TextTable.Print(Header,
        [
            auto,
            .. ConcurrencyModels.All.Select(Row),
        ]);
    }

    private static string[] Row(ConcurrencyModel model)
    {
        ModelCapabilities has = model.Capabilities;
        return
        [
            model.Name, has.Concurrent ? "yes" : "no", has.MultiCore ? "all" : "one", has.BlockingHandlerSafe ? "safe" : "harms others",
            has.SharesMemory ? "shared" : "apart", has.CrashContained ? "its connection" : "the server", has.Summary,
        ];
    }

    private static void PrintJson() => Lines.Out(JsonSerializer.Serialize(
        new ModelsReport(ConcurrencyModels.Auto.Name, [.. ConcurrencyModels.All.Select(model => new ModelReport(model.Name, model.Capabilities))]),
        ModelsJson.Default.ModelsReport));
}

/// <summary>What <c>sluice models --json</c> prints.</summary>
internal sealed record ModelsReport(string Auto, ModelReport[] Models);

/// <summary>One model of it.</summary>
internal sealed record ModelReport(string Name, ModelCapabilities Capabilities);

[JsonSerializable(typeof(ModelsReport))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
internal sealed partial class ModelsJson : JsonSerializerContext;
