namespace Sluice.Files;

/// <summary>What the receiving machine of v1 decided.</summary>
public enum V1StepKind
{
    /// <summary>Nothing more can be told from these bytes: show them again with more behind them.</summary>
    NeedMore,

    /// <summary>A header is complete and its file may begin; see <see cref="V1Step.File"/>.</summary>
    BeginFile,

    /// <summary>The first <see cref="V1Step.Consumed"/> bytes shown are the file's next content.</summary>
    Content,

    /// <summary>The file has all its bytes: publish it.</summary>
    EndFile,

    /// <summary>The sender is refused; see <see cref="V1Step.Refusal"/>. The connection is over.</summary>
    Refuse,

    /// <summary>The stream ended between two files, as it should.</summary>
    Finished,

    /// <summary>The stream ended inside a header or a file; see <see cref="V1Step.Refusal"/>.</summary>
    CutShort,
}

/// <summary>One decision of <see cref="V1Receiver"/>.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Consumed">How many of the bytes shown are dealt with, and not to be shown again.</param>
/// <param name="File">The file of <see cref="V1StepKind.BeginFile"/>.</param>
/// <param name="Refusal">The reason of <see cref="V1StepKind.Refuse"/> and <see cref="V1StepKind.CutShort"/>.</param>
public readonly record struct V1Step(V1StepKind Kind, long Consumed = 0, V1File? File = null, Refusal? Refusal = null);

/// <summary>A file that a v1 header announced, its name and size checked.</summary>
/// <param name="NameAsSent">The name as the sender wrote it, maybe a path; printable.</param>
/// <param name="Name">Its last component: the name to store the file under.</param>
/// <param name="Size">Bytes that follow the header.</param>
/// <param name="Layout">The header's layout, never Auto.</param>
/// <param name="NameMayBeCut">The name filled all 36 bytes, so the sender may have cut it.</param>
public sealed record V1File(string NameAsSent, string Name, long Size, V1Layout Layout, bool NameMayBeCut);
