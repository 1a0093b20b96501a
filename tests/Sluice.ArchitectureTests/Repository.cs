namespace Sluice.ArchitectureTests;

/// <summary>The files of the repository; what a build makes is left out.</summary>
internal static class Repository
{
    private static readonly string[] NotOurs = [".git", "artifacts", "bin", "obj", "TestResults", ".vs", ".idea", "BenchmarkDotNet.Artifacts"];

    public static string Root { get; } = FindRoot();

    public static string At(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>Files by their path from the root.</summary>
    public static IEnumerable<string> Files(string folder = "", string pattern = "*")
    {
        DirectoryInfo start = new(At(folder));
        return start.Exists ? Walk(start, pattern).Select(file => Path.GetRelativePath(Root, file.FullName)) : [];
    }

    private static IEnumerable<FileInfo> Walk(DirectoryInfo folder, string pattern) => folder.EnumerateFiles(pattern)
        .Concat(folder.EnumerateDirectories().Where(inner => !NotOurs.Contains(inner.Name, StringComparer.Ordinal)).SelectMany(inner => Walk(inner, pattern)));

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Sluice.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The tests run from inside the repository.");
    }
}
