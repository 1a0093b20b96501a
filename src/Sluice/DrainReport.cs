namespace Sluice;

/// <summary>What a drain came to.</summary>
/// <param name="Ended">Connections that ended by themselves between the stop and its deadline.</param>
/// <param name="Cut">Connections that were still open at the deadline and were reset.</param>
/// <param name="Took">How long the drain took.</param>
public sealed record DrainReport(int Ended, int Cut, TimeSpan Took);
