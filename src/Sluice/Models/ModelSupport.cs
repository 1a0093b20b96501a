namespace Sluice.Models;

/// <summary>Whether a model serves a transport with given options: supported, or the error id and the reason.</summary>
public readonly record struct ModelSupport
{
    private ModelSupport(string? errorId, string? reason) => (ErrorId, Reason) = (errorId, reason);

    /// <summary>The pair works.</summary>
    public static ModelSupport Supported => default;

    /// <summary>Null when supported, else one of <see cref="ErrorIds"/>.</summary>
    public string? ErrorId { get; }

    /// <summary>Null when supported, else one line that says why and what to do.</summary>
    public string? Reason { get; }

    /// <summary>Whether the pair works.</summary>
    public bool IsSupported => ErrorId is null;

    /// <summary>The pair is refused.</summary>
    public static ModelSupport Refused(string errorId, string reason) => new(errorId, reason);

    /// <summary>Throws the refusal as a <see cref="SluiceException"/>.</summary>
    public void ThrowIfRefused()
    {
        if (ErrorId is not null)
        {
            throw new SluiceException(ErrorId, Reason!);
        }
    }
}
