using System.Reflection;

namespace Sluice.Files.Tests;

public sealed class FileErrorIdsTests
{
    [Fact]
    public void Every_id_is_its_own_and_has_a_page()
    {
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Sluice.slnx")))
        {
            root = root.Parent;
        }

        string[] ids = [.. typeof(FileErrorIds).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!)];

        Assert.Equal(14, ids.Distinct(StringComparer.Ordinal).Count());
        Assert.All(ids, id => Assert.StartsWith($"# {id}: ", File.ReadAllText(Path.Combine(root!.FullName, "docs", "errors", $"{id}.md")), StringComparison.Ordinal));
    }
}
