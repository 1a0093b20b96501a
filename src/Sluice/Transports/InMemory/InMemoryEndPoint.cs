using System.Net;

namespace Sluice.Transports.InMemory;

/// <summary>The address of an in-memory listener.</summary>
/// <param name="name">The host of <c>memory://NAME</c>.</param>
public sealed class InMemoryEndPoint(string name) : EndPoint
{
    /// <summary>The name.</summary>
    public string Name { get; } = name;

    /// <inheritdoc/>
    public override string ToString() => $"memory://{Name}";
}
