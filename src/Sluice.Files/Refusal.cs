namespace Sluice.Files;

/// <summary>Why something was refused: one of <see cref="FileErrorIds"/> and one line for a person.</summary>
/// <param name="Id">The error's id, for example <c>SLU0402</c>.</param>
/// <param name="Message">One line: what happened and what to do. Holds no control characters.</param>
public sealed record Refusal(string Id, string Message)
{
    internal SluiceException ToException(Exception? inner = null) => new(Id, Message, inner);
}
