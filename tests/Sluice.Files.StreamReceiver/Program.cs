using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Sluice.Files.StreamReceiver;

/// <summary>
/// Receives the v1 stream on stdin into the directory given, and prints what the observer is told: tests run it under <c>strace</c>, which
/// makes system calls fail.
/// </summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments)
    {
        var observer = new Printer();
        using var handler = new FileReceiverHandler(new FileReceiverOptions { Directory = arguments[0] }, observer);
        await using var connection = new StdinConnection();
        await handler.OnConnectedAsync(connection);
        return observer.Failed ? 1 : 0;
    }

    private sealed class Printer : FileReceiverObserver
    {
        public bool Failed { get; private set; }

        public override void OnCompleted(ReceivingFile file) => Console.WriteLine($"completed {file.Name}");

        public override void OnRefused(ConnectionContext connection, ReceivingFile? file, Refusal reason) => Fail($"refused {reason.Id} {reason.Message}");

        public override void OnCutShort(ReceivingFile file, long received, string? partialPath, Refusal reason) => Fail($"cut {reason.Id} {received}");

        private void Fail(string line)
        {
            Failed = true;
            Console.WriteLine(line);
        }
    }

    private sealed class StdinConnection : ConnectionContext, IDuplexPipe
    {
        public override IDuplexPipe Transport { get => this; set => throw new NotSupportedException(); }

        public PipeReader Input { get; } = PipeReader.Create(Console.OpenStandardInput(), new StreamPipeReaderOptions(bufferSize: 65536));

        public PipeWriter Output { get; } = PipeWriter.Create(Stream.Null);

        public override string ConnectionId { get; set; } = "stdin";

        public override IFeatureCollection Features { get; } = new FeatureCollection();

        public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();
    }
}
