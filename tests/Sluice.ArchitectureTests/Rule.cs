namespace Sluice.ArchitectureTests;

/// <summary>A rule of architecture.md, "Rooms": its number, its sentence, and who breaks it.</summary>
internal static class Rule
{
    public static void Holds(int number, string sentence, IEnumerable<string> offenders)
    {
        string[] all = [.. offenders.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        if (all.Length > 0)
        {
            Assert.Fail($"Rule {number}: {sentence}{Environment.NewLine}  {string.Join(Environment.NewLine + "  ", all)}");
        }
    }
}
