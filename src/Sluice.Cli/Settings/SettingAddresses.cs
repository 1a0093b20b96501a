namespace Sluice.Cli.Settings;

/// <summary>The addresses at which a setting means something.</summary>
/// <param name="Subject">What the setting is for, as a refusal says it.</param>
/// <param name="Schemes">The schemes of such addresses. A socket that was passed may be of any kind.</param>
/// <param name="Advice">What follows where there is none, and what to do.</param>
internal sealed record SettingAddresses(string Subject, string[] Schemes, string Advice = "; leave it out");
