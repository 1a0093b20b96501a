using System.Text.RegularExpressions;

namespace Sluice.Samples.Tests;

/// <summary>What the documentation shows and points to is there: code blocks are the samples' files, links lead somewhere, siblings look alike.</summary>
public sealed partial class DocumentationTests
{
    private static readonly string[] ShowTutorial = ["docs/tutorial.md", "docs/tutorial.zh-CN.md"];

    private static readonly string[] ModelHeadings =
        ["In one sentence", "What blocks where", "Threads, processes, descriptors", "Limits", "Good when, bad when", "Measured", "Read the code", "History"];

    private static readonly string[] TransportHeadings = ["In one sentence", "Addresses", "Options", "Ends", "Source of a connection", "Limits", "Read the code"];

    private static readonly string[] ErrorHeadings = ["What happened", "Why", "What to do"];

    [Fact]
    public void Every_sample_that_a_page_shows_is_the_file_that_the_tests_run()
    {
        foreach (string page in Repository.Pages())
        {
            foreach ((string sample, string code) in ShownSamples(page))
            {
                Assert.True(Repository.Read(sample).TrimEnd() == code, $"{page} shows another text than {sample}: copy the file into the page");
            }
        }
    }

    [Fact]
    public void Both_tutorials_show_every_tutorial_server()
    {
        string[] servers = [.. Repository.SamplePrograms().Where(path => path.StartsWith("samples/tutorial/", StringComparison.Ordinal))];
        Assert.Equal(6, servers.Length);
        foreach (string page in ShowTutorial)
        {
            string[] shown = [.. ShownSamples(page).Select(shown => shown.Sample).Order(StringComparer.Ordinal)];
            Assert.Equal(servers, shown);
        }
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("README.zh-CN.md")]
    public void The_README_shows_the_echo_server_in_12_lines(string page)
    {
        (string sample, string code) = Assert.Single(ShownSamples(page));
        Assert.Equal("samples/EchoServer/Program.cs", sample);
        Assert.InRange(code.Split('\n').Length, 1, 12);
    }

    [Fact]
    public void A_sample_has_at_most_40_lines_and_a_tutorial_server_at_most_25()
    {
        foreach (string program in Repository.SamplePrograms())
        {
            int most = program.StartsWith("samples/tutorial/", StringComparison.Ordinal) ? 25 : 40;
            Assert.True(File.ReadAllLines(Repository.At(program)).Length <= most, $"{program} has more than {most} lines");
        }
    }

    [Fact]
    public void The_list_of_samples_names_each_of_them()
    {
        string list = Repository.Read("samples/README.md");
        Assert.All(Repository.SamplePrograms(), program => Assert.Contains($"({Path.GetRelativePath("samples", program)})", list, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_relative_link_leads_to_a_file_and_every_anchor_to_a_heading()
    {
        List<string> broken = [];
        foreach (string page in Repository.Pages())
        {
            foreach (Match link in Links().Matches(CodeBlocks().Replace(Repository.Read(page), "")))
            {
                string target = link.Groups["target"].Value;
                if (target.Contains("://", StringComparison.Ordinal) || target.StartsWith("mailto:", StringComparison.Ordinal))
                {
                    continue;
                }

                string[] parts = target.Split('#', 2);
                string path = parts[0].Length == 0 ? Repository.At(page) : Path.GetFullPath(Path.Combine(Repository.At(Path.GetDirectoryName(page)!), parts[0]));
                bool leads = Path.Exists(path) && (parts.Length == 1 || Headings(path).Select(heading => Anchor(heading.Text)).Contains(parts[1], StringComparer.Ordinal));
                if (!leads)
                {
                    broken.Add($"{page}: {target}");
                }
            }
        }

        Assert.Empty(broken);
    }

    [Fact]
    public void Every_error_id_has_a_page_that_says_what_happened_why_and_what_to_do()
    {
        string ids = string.Concat(Directory.EnumerateFiles(Repository.At("src"), "*ErrorIds.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        string list = Repository.Read("docs/errors/README.md");
        foreach (string id in ErrorIdConstants().Matches(ids).Select(match => match.Groups["id"].Value))
        {
            string page = $"docs/errors/{id}.md";
            Assert.True(File.Exists(Repository.At(page)), $"{page} is missing");
            string text = Repository.Read(page);
            Assert.StartsWith($"# {id}: ", text, StringComparison.Ordinal);
            int[] places = [.. ErrorHeadings.Select(heading => text.IndexOf(heading, StringComparison.Ordinal))];
            Assert.True(places[0] > 0 && places[1] > places[0] && places[2] > places[1], $"{page} lacks one of: {string.Join(", ", ErrorHeadings)}");
            Assert.Contains($"({id}.md)", list, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_model_of_the_registry_has_a_page_and_all_pages_have_the_same_headings()
    {
        string[] names = [.. ModelNames().Matches(string.Concat(Sources("src/Sluice/Models"))).Select(match => match.Groups["name"].Value)];
        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.True(File.Exists(Repository.At($"docs/models/{name}.md")), $"docs/models/{name}.md is missing"));
        Assert.All(Pages("docs/models/"), page => Assert.Equal(ModelHeadings, SecondLevel(page)));
    }

    [Fact]
    public void All_pages_of_transports_have_the_same_headings() =>
        Assert.All(Pages("docs/transports/"), page => Assert.Equal(TransportHeadings, SecondLevel(page)));

    [Theory]
    [InlineData("README.md", "README.zh-CN.md")]
    [InlineData("docs/tutorial.md", "docs/tutorial.zh-CN.md")]
    public void The_Chinese_page_keeps_step_with_the_English_one(string english, string chinese)
    {
        Assert.Equal(Headings(Repository.At(english)).Select(heading => heading.Level), Headings(Repository.At(chinese)).Select(heading => heading.Level));
        Assert.Equal(Code(english), Code(chinese));
    }

    private static string[] Code(string page) => [.. CodeBlocks().Matches(Repository.Read(page)).Select(block => block.Value)];

    private static IEnumerable<(string Sample, string Code)> ShownSamples(string page) => Shown()
        .Matches(Repository.Read(page))
        .Select(match => (match.Groups["sample"].Value, match.Groups["code"].Value.TrimEnd()));

    private static IEnumerable<string> Pages(string folder) => Repository.Pages().Where(page => page.StartsWith(folder, StringComparison.Ordinal));

    private static IEnumerable<string> Sources(string folder) => Directory.EnumerateFiles(Repository.At(folder), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText);

    private static string[] SecondLevel(string page) => [.. Headings(Repository.At(page)).Where(heading => heading.Level == 2).Select(heading => heading.Text)];

    private static IEnumerable<(int Level, string Text)> Headings(string path) => Path.GetExtension(path) != ".md" ? [] : HeadingLines()
        .Matches(CodeBlocks().Replace(File.ReadAllText(path), ""))
        .Select(match => (match.Groups["level"].Length, match.Groups["text"].Value.Trim()));

    // As GitHub does: lower case, no punctuation, hyphens for spaces.
    private static string Anchor(string heading) =>
        string.Concat(heading.ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')).Replace(' ', '-');

    [GeneratedRegex(@"\[[^\]\n]*\]\((?<target>[^)\s]+)\)", RegexOptions.None, 5000)]
    private static partial Regex Links();

    [GeneratedRegex(@"^```.*?^```$", RegexOptions.Multiline | RegexOptions.Singleline, 5000)]
    private static partial Regex CodeBlocks();

    [GeneratedRegex(@"<!-- sample: (?<sample>\S+) -->\n```csharp\n(?<code>.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline, 5000)]
    private static partial Regex Shown();

    [GeneratedRegex(@"^(?<level>#{1,6}) (?<text>.+)$", RegexOptions.Multiline, 5000)]
    private static partial Regex HeadingLines();

    [GeneratedRegex(@"""(?<id>SLU\d{4})""", RegexOptions.None, 5000)]
    private static partial Regex ErrorIdConstants();

    [GeneratedRegex(@"override string Name => ""(?<name>[^""]+)""", RegexOptions.None, 5000)]
    private static partial Regex ModelNames();
}
