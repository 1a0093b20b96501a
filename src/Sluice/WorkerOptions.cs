namespace Sluice;

/// <summary>Options of the models that serve in processes of their own: <c>process</c> and <c>prefork</c>.</summary>
public sealed class WorkerOptions
{
    /// <summary>Processes of <c>prefork</c>. Defaults to one per core.</summary>
    public int? Count { get; set; }

    /// <summary>The model that each worker of <c>prefork</c> serves with. Defaults to <c>auto</c>.</summary>
    public string Inner { get; set; } = "auto";

    /// <summary>
    /// The most processes of <c>process</c>, those that stand by included: a hard maximum. At it, <see cref="ServerLimits.OnLimit"/> says what becomes of
    /// the next connection. Defaults to 128.
    /// </summary>
    public int Most { get; set; } = 128;

    /// <summary>Processes of <c>process</c> that are started beforehand and wait for a connection. Defaults to 8.</summary>
    public int Standby { get; set; } = 8;

    /// <summary>When fewer stand by, new ones are started, up to <see cref="Standby"/>. Defaults to null: half of it.</summary>
    public int? StandbyLow { get; set; }

    /// <summary>After so many connections a worker of <c>prefork</c> is replaced. Defaults to null: never.</summary>
    public long? MaxConnections { get; set; }

    /// <summary>A worker of <c>prefork</c> with more resident memory than this, in bytes, is replaced. Defaults to null: never.</summary>
    public long? MaxMemory { get; set; }

    /// <summary>The most that a worker's managed heap may hold, in bytes (GCHeapHardLimit): beyond it, allocations throw. Defaults to null: no limit.</summary>
    public long? HeapLimit { get; set; }

    /// <summary>The processor time that a worker may use in its life, to the next second: the system ends it then (RLIMIT_CPU). Defaults to null: no limit.</summary>
    public TimeSpan? ProcessorTimeLimit { get; set; }

    /// <summary>A worker that has not shown for so long that it can serve is killed and replaced; null is off. Defaults to 10 s.</summary>
    public TimeSpan? HangsAfter { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a new worker may take to reach <see cref="SocketServer.RunAsync"/>. Defaults to 10 s.</summary>
    public TimeSpan ReadyWithin { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// What a worker runs: a program and its arguments. Defaults to null: this program, as it was started. To be set where that is not the server's own, as in a
    /// test host.
    /// </summary>
    public IReadOnlyList<string>? Program { get; set; }
}
