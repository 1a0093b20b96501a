namespace Sluice;

/// <summary>A process of this machine and who runs it, as the kernel tells it. unix(7).</summary>
/// <param name="ProcessId">The process; 0 when it is of another PID namespace.</param>
/// <param name="UserId">Its effective user.</param>
/// <param name="GroupId">Its effective group.</param>
public readonly record struct UnixCredentials(int ProcessId, uint UserId, uint GroupId);
