namespace Sluice;

/// <summary>
/// The handler's connections share memory, as those of a chat room do: a model that serves them in different processes is refused (SLU0107), where each would be
/// alone in a room of its own.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class SharesStateAttribute : Attribute;
