using System.Text.Json;
using System.Text.Json.Serialization;
using Sluice.Cli.Terminal;
using Sluice.Transports;

namespace Sluice.Cli.Serving;

/// <summary>The line that scripts wait for: <c>listening tcp://127.0.0.1:9000 model=thread pid=4711</c>.</summary>
internal static class ListeningLine
{
    public static void Print(SocketServer server, bool json)
    {
        foreach ((SocketAddressUrl url, string model) in server.LocalUrls.Zip(server.LocalModels))
        {
            Lines.Out(json
                ? JsonSerializer.Serialize(new ListeningEvent("listening", url.ToString(), model, Environment.ProcessId), ListeningJson.Default.ListeningEvent)
                : $"listening {url} model={model} pid={Environment.ProcessId}");
        }
    }
}

/// <summary>The same as JSON.</summary>
internal sealed record ListeningEvent(string Event, string Url, string Model, int Pid);

[JsonSerializable(typeof(ListeningEvent))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class ListeningJson : JsonSerializerContext;
