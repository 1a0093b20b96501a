namespace Sluice;

/// <summary>
/// An error that Sluice can name: <see cref="Id"/> is the page <c>docs/errors/SLUnnnn.md</c>, the message is one line that says what
/// happened and what to do.
/// </summary>
public class SluiceException : Exception
{
    /// <summary>Creates the error <paramref name="id"/> (one of <see cref="ErrorIds"/>) with a one-line message.</summary>
    public SluiceException(string id, string message, Exception? inner = null)
        : base(message, inner) => Id = id;

    /// <summary>The error's stable id, for example <c>SLU0005</c>.</summary>
    public string Id { get; }
}
