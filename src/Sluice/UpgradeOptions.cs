namespace Sluice;

/// <summary>Options of <see cref="SocketServer.UpgradeAsync(UpgradeOptions?, CancellationToken)"/>.</summary>
public sealed class UpgradeOptions
{
    /// <summary>How long the new process may take until it serves; then it is killed, and the old one goes on. Defaults to 10 s.</summary>
    public TimeSpan ReadyWithin { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// What the new process runs: a program and its arguments. Defaults to null: this program by its path, so that a new file there is taken, with the arguments
    /// that it was started with.
    /// </summary>
    public IReadOnlyList<string>? Program { get; set; }
}
