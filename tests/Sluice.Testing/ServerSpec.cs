using System.Text.Json;

namespace Sluice.Testing;

/// <summary>A server with <see cref="CommandHandler"/> and <see cref="DatagramCommands"/>, so that two processes build the same one.</summary>
public sealed record ServerSpec
{
    public required string Model { get; init; }

    public string Inner { get; init; } = "auto";

    public required string Url { get; init; }

    /// <summary>What else it listens on, each perhaps with a model of its own behind it (<c>?model=NAME</c>).</summary>
    public string[] More { get; init; } = [];

    public string Name { get; init; } = "test";

    public int? Loops { get; init; }

    /// <summary>The number of loops of a process that replaces another.</summary>
    public int? LoopsLater { get; init; }

    public int? MaxSize { get; init; }

    public double? SendSeconds { get; init; }

    public int Workers { get; init; } = 2;

    public int Most { get; init; } = 64;

    public int Standby { get; init; } = 2;

    public int? MaxConnections { get; init; }

    public OnLimit OnLimit { get; init; }

    public int? PerSource { get; init; }

    public int? PerWorker { get; init; }

    public long? WorkerMemory { get; init; }

    public long? HeapLimit { get; init; }

    public double? ProcessorSeconds { get; init; }

    public double HangsAfterSeconds { get; init; } = 10;

    public double? IdleSeconds { get; init; }

    public double? LifetimeSeconds { get; init; }

    public double DrainSeconds { get; init; } = 5;

    public int? FileMode { get; init; }

    public uint[]? AllowedUsers { get; init; }

    public bool PassDescriptors { get; init; }

    /// <summary>What workers run; null is the program itself.</summary>
    public string[]? Program { get; init; }

    public static ServerSpec Parse(string json) => JsonSerializer.Deserialize<ServerSpec>(json)!;

    public override string ToString() => JsonSerializer.Serialize(this);

    public SocketServerBuilder ToBuilder() => SocketServer.CreateBuilder().Listen(Url).UseModel(Model).Handle(new CommandHandler()).HandleDatagrams(new DatagramCommands()).Configure(options =>
    {
        Array.ForEach(More, options.Listen.Add);
        options.Loops = SocketServer.UpgradedFrom is null ? Loops : LoopsLater ?? Loops;
        options.Datagrams.MaxSize = MaxSize ?? options.Datagrams.MaxSize;
        options.Datagrams.SendTimeout = Seconds(SendSeconds) ?? options.Datagrams.SendTimeout;
        options.Name = Name;
        options.Drain = TimeSpan.FromSeconds(DrainSeconds);
        options.Limits.MaxConnections = MaxConnections;
        options.Limits.MaxConnectionsPerSource = PerSource;
        options.Limits.OnLimit = OnLimit;
        options.Limits.IdleTimeout = Seconds(IdleSeconds);
        options.Limits.Lifetime = Seconds(LifetimeSeconds);
        options.Sockets.FileMode = (UnixFileMode?)FileMode;
        options.Sockets.AllowedUsers = AllowedUsers?.ToHashSet();
        options.Sockets.PassDescriptors = PassDescriptors;
        options.Workers.Inner = Inner;
        options.Workers.Count = Workers;
        options.Workers.Most = Most;
        options.Workers.Standby = Standby;
        options.Workers.MaxConnections = PerWorker;
        options.Workers.MaxMemory = WorkerMemory;
        options.Workers.HeapLimit = HeapLimit;
        options.Workers.ProcessorTimeLimit = Seconds(ProcessorSeconds);
        options.Workers.HangsAfter = Seconds(HangsAfterSeconds);
        options.Workers.Program = Program;
        options.Workers.ReadyWithin = TimeSpan.FromSeconds(30); // many tests start processes at once
        options.Threads = 16;
    });

    private static TimeSpan? Seconds(double? seconds) => seconds is { } given ? TimeSpan.FromSeconds(given) : null;
}
