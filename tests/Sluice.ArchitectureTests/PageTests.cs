using System.Text.RegularExpressions;
using Mono.Cecil.Cil;
using Sluice.Models;

namespace Sluice.ArchitectureTests;

public sealed partial class PageTests
{
    [Fact]
    public void Every_model_has_its_page() => Rule.Holds(20,
        "Every registered model has docs/models/<name>.md.",
        Missing("models", ConcurrencyModels.All.Select(model => model.Name)));

    [Fact]
    public void Every_transport_has_its_page() => Rule.Holds(21,
        "Every built-in transport has docs/transports/<scheme>.md.",
        Missing("transports", Schemes()));

    [Theory]
    [InlineData("models")]
    [InlineData("transports")]
    public void Pages_of_a_kind_have_the_same_headings_in_the_same_order(string kind)
    {
        string[] pages = [.. Pages(kind)];
        Assert.True(pages.Length > 1, $"docs/{kind} has no pages");
        string expected = Headings(pages[0]);
        Rule.Holds(22, $"The pages of docs/{kind} have the same headings in the same order: {expected}",
            pages.Where(page => Headings(page) != expected).Select(page => $"{Path.GetRelativePath(Repository.Root, page)}: {Headings(page)}"));
    }

    [Fact]
    public void Every_error_id_has_its_page() => Rule.Holds(23,
        "Every error id has docs/errors/<id>.md, which begins with it.",
        Ids().Where(id => !File.Exists(ErrorPage(id)) || !File.ReadAllText(ErrorPage(id)).StartsWith($"# {id}", StringComparison.Ordinal)));

    [Fact]
    public void Every_error_page_has_its_id() => Rule.Holds(24,
        "No page of docs/errors is without an id.",
        Pages("errors").Select(Path.GetFileNameWithoutExtension).Except(Ids(), StringComparer.Ordinal)!);

    [Fact]
    public void An_error_id_is_never_given_twice() => Rule.Holds(25,
        "An error id stands for one error.",
        Ids().GroupBy(id => id, StringComparer.Ordinal).Where(same => same.Count() > 1).Select(same => same.Key));

    [Fact]
    public void Error_ids_look_alike() => Rule.Holds(26, "An error id is SLU and four digits.", Ids().Where(id => !IdShape().IsMatch(id)));

    private static IEnumerable<string> Missing(string kind, IEnumerable<string> names)
    {
        string[] all = [.. names];
        Assert.True(all.Length >= 3, $"only {all.Length} {kind} were found");
        return all.Select(name => Path.Combine("docs", kind, name + ".md")).Where(page => !File.Exists(Repository.At(page)));
    }

    private static IEnumerable<string> Pages(string kind) =>
        Repository.Files(Path.Combine("docs", kind), "*.md").Select(page => Repository.At(page)).Where(page => Path.GetFileName(page) != "README.md").Order(StringComparer.Ordinal);

    private static string Headings(string page)
    {
        bool code = false;
        var headings = new List<string>();
        foreach (string line in File.ReadLines(page))
        {
            code ^= line.StartsWith("```", StringComparison.Ordinal);
            if (!code && line.StartsWith("## ", StringComparison.Ordinal))
            {
                headings.Add(line[3..]);
            }
        }

        return string.Join(" | ", headings);
    }

    private static string ErrorPage(string id) => Repository.At("docs", "errors", id + ".md");

    private static string[] Ids()
    {
        string[] ids = [.. Assemblies.All.SelectMany(module => module.Declared())
            .Where(type => type.Name.EndsWith("ErrorIds", StringComparison.Ordinal))
            .SelectMany(type => type.Fields).Where(field => field.IsLiteral).Select(field => (string)field.Constant)];
        Assert.True(ids.Length > 20, $"only {ids.Length} error ids were found");
        return ids;
    }

    // The scheme is a constant of the class; no instance is needed to read it.
    private static IEnumerable<string> Schemes() =>
        from type in Assemblies.Library.Declared()
        where type.BaseType?.FullName == "Sluice.Transports.Transport" && !type.IsAbstract
        select (string)type.Methods.Single(method => method.Name == "get_Scheme").Body.Instructions.Single(instruction => instruction.OpCode.Code == Code.Ldstr).Operand;

    [GeneratedRegex("^SLU[0-9]{4}$")]
    private static partial Regex IdShape();
}
