namespace Sluice.Cli.Doctor;

/// <summary>What the doctor thinks of a value.</summary>
internal enum Verdict
{
    /// <summary>Nothing to do.</summary>
    Ok,

    /// <summary>It limits some servers; the advice says which.</summary>
    Limits,

    /// <summary>It goes wrong now, or will under load.</summary>
    Bad,

    /// <summary>The kernel does not say.</summary>
    Unknown,
}

/// <summary>One thing that the doctor looked at.</summary>
/// <param name="Name">What.</param>
/// <param name="Value">As the kernel says it.</param>
/// <param name="Verdict">What to think of it.</param>
/// <param name="Advice">What it means and what to change; never empty.</param>
internal sealed record Finding(string Name, string Value, Verdict Verdict, string Advice);
