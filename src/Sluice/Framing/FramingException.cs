namespace Sluice.Framing;

/// <summary>What is wrong with a frame.</summary>
public enum FramingError
{
    /// <summary>Read: the frame is longer than <see cref="FrameFormat.MaxFrame"/>.</summary>
    TooLong,

    /// <summary>Read: bytes that the format does not allow.</summary>
    Malformed,

    /// <summary>Read: the stream ended inside a frame.</summary>
    Truncated,

    /// <summary>Written: the format cannot carry this frame. The fault is ours, never the peer's.</summary>
    CannotEncode,
}

/// <summary>SLU0211: bytes that are no frame, or a frame that cannot be written. The only exception of <see cref="FrameFormat"/>; which bytes come does not matter.</summary>
public sealed class FramingException : SluiceException
{
    /// <summary>Creates the error with a one-line message that says what was found where what was expected.</summary>
    public FramingException(FramingError reason, string message)
        : base(ErrorIds.BadFrame, message) => Reason = reason;

    /// <summary>What is wrong.</summary>
    public FramingError Reason { get; }
}
