namespace Sluice.Models;

/// <summary>What a concurrency model is and allows, as data: <c>sluice models</c> prints it.</summary>
public sealed record ModelCapabilities
{
    /// <summary>One sentence: who runs a handler.</summary>
    public required string Summary { get; init; }

    /// <summary>More than one connection is served at a time.</summary>
    public required bool Concurrent { get; init; }

    /// <summary>A handler may block its thread without harming other connections.</summary>
    public required bool BlockingHandlerSafe { get; init; }

    /// <summary>Handlers of different connections share memory (and races).</summary>
    public required bool SharesMemory { get; init; }

    /// <summary>A crash of the process that runs a handler harms that connection only.</summary>
    public required bool CrashContained { get; init; }

    /// <summary>Connections are served on more than one core.</summary>
    public required bool MultiCore { get; init; }

    /// <summary>Pipe calls do the I/O before they return.</summary>
    public required bool Blocking { get; init; }

    /// <summary>The model watches descriptors itself, so a listener without one is refused (SLU0103).</summary>
    public required bool NeedsDescriptor { get; init; }
}
