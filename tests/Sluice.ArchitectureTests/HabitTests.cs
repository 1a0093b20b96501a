using System.Text.RegularExpressions;

namespace Sluice.ArchitectureTests;

public sealed partial class HabitTests
{
    private const int MostReadmeLines = 60;
    private const int MostLines = 400;

    [Fact]
    public void Every_room_has_a_short_README() => Rule.Holds(30,
        $"Every room has a README.md of at most {MostReadmeLines} lines.",
        Rooms().Select(room => Path.Combine(room, "README.md")).Select(readme =>
            !File.Exists(Repository.At(readme)) ? $"{readme} is missing"
            : File.ReadAllLines(Repository.At(readme)).Length is > MostReadmeLines and var lines ? $"{readme} has {lines} lines" : "")
            .Where(complaint => complaint.Length > 0));

    [Fact]
    public void No_file_is_longer_than_one_can_read() => Rule.Holds(31,
        $"No source file has more than {MostLines} lines.",
        Repository.Files("src", "*.cs").Concat(Repository.Files("tests", "*.cs")).Concat(Repository.Files("bench", "*.cs")).Concat(Repository.Files("samples", "*.cs"))
            .Select(file => (Path: file, Lines: File.ReadLines(Repository.At(file)).Count()))
            .Where(file => file.Lines > MostLines).Select(file => $"{file.Path} has {file.Lines} lines"));

    [Fact]
    public void Nothing_names_the_machine_it_was_written_on() => Rule.Holds(32,
        "No path of a build machine is in the repository.",
        Repository.Files().Where(IsText).SelectMany(file => File.ReadLines(Repository.At(file)).Select((line, index) => (line, index))
            .Where(line => MachinePath().IsMatch(line.line)).Select(line => $"{file}:{line.index + 1}: {line.line.Trim()}")));

    [Fact]
    public void A_machine_path_would_be_found() => Assert.All(
        [Path.Combine("/", "work", "x"), "in " + Path.Combine("/tmp", "w", "x"), "\"" + Path.Combine("/", "work", "main") + "\""],
        path => Assert.Matches(MachinePath(), path));

    [Fact]
    public void Every_project_is_in_the_solution() => Rule.Holds(33,
        "Every project is in Sluice.slnx.",
        Repository.Files("", "*.csproj").Where(project => !File.ReadAllText(Repository.At("Sluice.slnx")).Contains($"\"{project}\"", StringComparison.Ordinal)));

    [Fact]
    public void No_test_is_skipped() => Rule.Holds(34,
        "No test is skipped: one that cannot run here asserts why.",
        Repository.Files("tests", "*.cs").Where(file => SkippedTest().IsMatch(File.ReadAllText(Repository.At(file)))));

    private static IEnumerable<string> Rooms() =>
        Directory.EnumerateDirectories(Repository.At("src")).Where(project => Directory.EnumerateFiles(project, "*.csproj").Any())
            .Concat(Directory.EnumerateDirectories(Repository.At("src", "Sluice")).Where(folder => Directory.EnumerateFiles(folder, "*.cs").Any()))
            .Select(folder => Path.GetRelativePath(Repository.Root, folder));

    private static bool IsText(string file)
    {
        Span<byte> start = stackalloc byte[1024];
        using FileStream content = File.OpenRead(Repository.At(file));
        return !start[..content.Read(start)].Contains((byte)0);
    }

    [GeneratedRegex(@"(?<![\w.~\-}])/(?:work|tmp/w)/")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"\b(?:Fact|Theory)\s*\([^)]*\bSkip\w*\s*=")]
    private static partial Regex SkippedTest();
}
