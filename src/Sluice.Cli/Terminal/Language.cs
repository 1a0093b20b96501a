namespace Sluice.Cli.Terminal;

/// <summary>The languages of what the command prints.</summary>
internal enum Language
{
    English,
    Chinese,
}

/// <summary>Which language, and which of two texts.</summary>
internal static class Languages
{
    private static readonly string[] Variables = ["LC_ALL", "LC_MESSAGES", "LANG"];

    /// <summary>The language of the locale: Chinese for <c>zh…</c>, else English. locale(7): the first of the three that is set decides.</summary>
    public static Language OfTheLocale()
    {
        string? locale = Variables.Select(Environment.GetEnvironmentVariable).FirstOrDefault(value => !string.IsNullOrEmpty(value));
        return locale is not null && locale.StartsWith("zh", StringComparison.OrdinalIgnoreCase) ? Language.Chinese : Language.English;
    }

    /// <summary>The text of this language.</summary>
    public static string Say(this Language language, string english, string chinese) => language == Language.Chinese ? chinese : english;
}
