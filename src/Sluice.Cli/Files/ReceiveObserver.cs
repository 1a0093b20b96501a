using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Connections;
using Sluice.Cli.Settings;
using Sluice.Cli.Terminal;
using Sluice.Files;

namespace Sluice.Cli.Files;

/// <summary>Tells the operator of <c>sluice receive</c> what arrives: files on stdout, what went wrong on stderr.</summary>
internal sealed class ReceiveObserver(ServerPlan plan) : FileReceiverObserver
{
    public override void OnCompleted(ReceivingFile file)
    {
        if (plan.Json)
        {
            Lines.Out(JsonSerializer.Serialize(new ReceivedEvent("received", file.Path, file.Size, From(file.Connection)), ReceivedJson.Default.ReceivedEvent));
        }
        else
        {
            Lines.OutNotice(plan.Language.Say($"received {file.Path} ({file.Size} bytes) from {From(file.Connection)}", $"已接收 {file.Path} ({file.Size} 字节), 来自 {From(file.Connection)}"));
        }
    }

    public override void OnCutShort(ReceivingFile file, long received, string? partialPath, Refusal reason) =>
        Tell(file.Connection, $"{reason.Id} {reason.Message}; {received} of {file.Size} bytes of {file.Path} came{(partialPath is null ? "" : $" and are kept in {partialPath}")}");

    public override void OnWarned(ConnectionContext connection, Refusal warning) => Tell(connection, $"{warning.Id} {warning.Message}");

    public override void OnRefused(ConnectionContext connection, ReceivingFile? file, Refusal reason) => Tell(connection, $"{reason.Id} {reason.Message}");

    private static void Tell(ConnectionContext connection, string line) => Lines.Notice($"{From(connection)}: {line}");

    private static string From(ConnectionContext connection) => connection.RemoteEndPoint?.ToString() is { Length: > 0 } name ? name : "a local process";
}

/// <summary>A received file, as JSON.</summary>
internal sealed record ReceivedEvent(string Event, string Path, long Size, string From);

[JsonSerializable(typeof(ReceivedEvent))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class ReceivedJson : JsonSerializerContext;
