namespace Sluice.Diagnostics;

/// <summary>How far the replacement of processes has come.</summary>
public enum RestartPhase
{
    /// <summary>The workers of <c>prefork</c> are replaced, one after the other.</summary>
    WorkersBegun,

    /// <summary>All of them are.</summary>
    WorkersReplaced,

    /// <summary>The replacement of the workers was given up.</summary>
    WorkersFailed,

    /// <summary>A new process is started to replace this one.</summary>
    UpgradeBegun,

    /// <summary>It does not take over; this one goes on.</summary>
    UpgradeFailed,

    /// <summary>It has taken over; this one may stop.</summary>
    HandedOver,
}

/// <summary>A step of a restart.</summary>
/// <param name="Phase">How far it has come.</param>
/// <param name="ProcessId">The new process, once it has taken over.</param>
public readonly record struct RestartStep(RestartPhase Phase, int? ProcessId);
