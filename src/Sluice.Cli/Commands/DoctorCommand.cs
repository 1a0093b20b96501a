using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Cli.Doctor;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Commands;

/// <summary><c>sluice doctor</c></summary>
internal static class DoctorCommand
{
    private static readonly string[] Header = ["what", "value", "verdict", "meaning"];

    public static Command Make()
    {
        var json = new Option<bool>("--json") { Description = "One JSON object." };
        var command = new Command("doctor", "The limits and kernel features that decide what a server can do here, and what to change.") { json };
        command.SetAction(parsed =>
        {
            Finding[] findings = Examination.Run();
            if (parsed.GetValue(json))
            {
                Lines.Out(JsonSerializer.Serialize(new DoctorReport(findings), DoctorJson.Default.DoctorReport));
            }
            else
            {
                TextTable.Print(Header, [.. findings.Select(found => new[] { found.Name, found.Value, found.Verdict.ToString().ToLowerInvariant(), found.Advice })]);
            }
        });
        return command;
    }
}

/// <summary>What <c>sluice doctor --json</c> prints.</summary>
internal sealed record DoctorReport(Finding[] Findings);

/// <summary>Verdicts in small letters, as the table has them.</summary>
internal sealed class VerdictJson() : JsonStringEnumConverter<Verdict>(JsonNamingPolicy.CamelCase);

[JsonSerializable(typeof(DoctorReport))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, Converters = [typeof(VerdictJson)])]
internal sealed partial class DoctorJson : JsonSerializerContext;
