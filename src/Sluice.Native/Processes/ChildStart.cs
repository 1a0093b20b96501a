namespace Sluice.Native;

/// <summary>What <see cref="ChildProcess.TryStart"/> starts. Texts are bytes, because what a program was given need not be UTF-8.</summary>
internal sealed class ChildStart
{
    /// <summary>The program's file.</summary>
    public required string Path { get; init; }

    /// <summary>argv, the program's name first.</summary>
    public required IReadOnlyList<byte[]> Arguments { get; init; }

    /// <summary>The whole environment, as NAME=value.</summary>
    public required IReadOnlyList<byte[]> Environment { get; init; }

    /// <summary>The directory it starts in; null is this process's.</summary>
    public string? Directory { get; init; }

    /// <summary>
    /// The descriptors it is to have: 0, 1 and 2 are this process's own unless they are named here; every other descriptor stays out.
    /// </summary>
    public IReadOnlyList<(int Ours, int Theirs)> Descriptors { get; init; } = [];
}
