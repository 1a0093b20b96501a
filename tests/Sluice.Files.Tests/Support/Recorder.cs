using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Files.Tests;

/// <summary>Writes down what a receiver told.</summary>
internal sealed class Recorder : FileReceiverObserver
{
    private readonly ConcurrentQueue<string> _lines = new();

    public string[] Lines => [.. _lines];

    public Refusal? Refusal { get; private set; }

    public long Received { get; private set; }

    public ConcurrentBag<ReceivingFile> Files { get; } = [];

    public override void OnStarted(ReceivingFile file)
    {
        Files.Add(file);
        _lines.Enqueue($"started {file.Name} {file.Size}");
    }

    public override void OnProgress(ReceivingFile file, long received) => Received = received;

    public override void OnCompleted(ReceivingFile file) => _lines.Enqueue($"completed {file.Name}");

    public override void OnCutShort(ReceivingFile file, long received, string? partialPath, Refusal reason)
    {
        Refusal = reason;
        _lines.Enqueue($"cut {file.Name} {received} {Path.GetFileName(partialPath)}");
    }

    public override void OnWarned(ConnectionContext connection, Refusal warning) => _lines.Enqueue($"warned {warning.Id}");

    public override void OnRefused(ConnectionContext connection, ReceivingFile? file, Refusal reason)
    {
        Refusal = reason;
        _lines.Enqueue($"refused {reason.Id}");
    }
}
