using Microsoft.Extensions.Logging;
using Sluice.Cli.Terminal;

namespace Sluice.Cli.Settings;

/// <summary>Every setting of a server: the one list behind the options, the environment variables, the configuration file and the help.</summary>
internal static class ServerSettings
{
    private const int MostLoops = 1024;
    private const int MostWorkers = 8192;

    /// <summary>The models that are event loops.</summary>
    public static readonly string[] LoopModels = ["select", "poll", "epoll", "io_uring"];

    private static readonly string[] PoolModels = ["threadpool"];
    private static readonly string[] PreforkModels = ["prefork"];
    private static readonly string[] ProcessModels = ["process"];
    private static readonly string[] WorkerModels = ["process", "prefork"];

    private static readonly SettingAddresses SharedPorts = new("tcp:// and udp:// addresses", ["tcp", "udp"]);
    private static readonly SettingAddresses SocketFiles = new("the files of unix:// and unixgram:// addresses", ["unix", "unixgram"]);
    private static readonly SettingAddresses UnixSockets = new("Unix sockets", ["unix", "unixgram", "fd", "systemd"], ": whoever comes would be served; leave it out, or listen on unix://");
    private static readonly SettingAddresses DatagramSockets = new("addresses of datagrams (udp://, unixgram://)", ["udp", "unixgram", "fd", "systemd"]);

    /// <summary>The address. Demos have <c>--host</c> and <c>--port</c> instead.</summary>
    public static readonly ServerSetting Listen =
        new("listen", "URL", "Where to listen: tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH, unixgram:///PATH, fd://N or systemd:NAME (sockets that were passed); port 0 is any free port. '?model=NAME' behind it gives it a model of its own. May be repeated.",
            (plan, text) => plan.Options.Listen.Add(text))
        { IsRepeatable = true };

    /// <summary>What is for Unix sockets alone.</summary>
    private static readonly ServerSetting[] OfUnixSockets =
    [
        new("socket-mode", "MODE", "The mode of the files of Unix sockets, in octal, as 0660. Who may write to the file may connect.",
            (plan, text) => plan.Options.Sockets.FileMode = SettingValues.FileMode(text)) { HonouredAt = SocketFiles, Default = "what the umask leaves" },
        new("allow-user", "LIST", "The only users whom Unix sockets serve, as 0,1000,www-data: numbers, or names of /etc/passwd. Others are refused.",
            (plan, text) => plan.Options.Sockets.AllowedUsers = SettingValues.Users(text)) { HonouredAt = UnixSockets, Default = "all who may connect" },
    ];

    /// <summary>The language, which clients have as well.</summary>
    public static readonly ServerSetting Lang =
        new("lang", "en|zh", "The language of what is printed.",
            (plan, text) => plan.Language = SettingValues.Word(text, ("en", Language.English), ("zh", Language.Chinese)))
        { Default = "from the locale" };

    /// <summary>What every serving command takes.</summary>
    public static readonly ServerSetting[] Common =
    [
        new("model", "NAME", "The concurrency model, one of 'sluice models'.", (plan, text) => plan.Options.Model = text) { Default = "auto" },
        new("inner", "NAME", "The model inside each worker of prefork.",
            (plan, text) => plan.Options.Workers.Inner = text) { HonouredBy = PreforkModels, Default = "auto" },
        new("loops", "N", "Event loops of select, poll, epoll and io_uring, each a thread.",
            (plan, text) => plan.Options.Loops = SettingValues.Count(text, 1, MostLoops)) { HonouredBy = LoopModels, Default = "one per core" },
        new("threads", "N", "Threads of threadpool.",
            (plan, text) => plan.Options.Threads = SettingValues.Count(text, 1)) { HonouredBy = PoolModels, Default = "4 per core, at least 16" },
        new("workers", "N", "Processes of prefork.",
            (plan, text) => plan.Options.Workers.Count = SettingValues.Count(text, 1, MostWorkers)) { HonouredBy = PreforkModels, Default = "one per core" },
        new("max-workers", "N", "Processes of process, a hard maximum: it is the most connections at once, too.",
            (plan, text) => plan.Options.Workers.Most = SettingValues.Count(text, 1, MostWorkers)) { HonouredBy = ProcessModels, Default = "128" },
        new("standby", "N", "Processes of process that are started beforehand.",
            (plan, text) => plan.Options.Workers.Standby = SettingValues.Count(text, 1, MostWorkers)) { HonouredBy = ProcessModels, Default = "8" },
        new("standby-low", "N", "New ones are started when fewer stand by.",
            (plan, text) => plan.Options.Workers.StandbyLow = SettingValues.Count(text, 1, MostWorkers)) { HonouredBy = ProcessModels, Default = "half of standby" },
        new("worker-connections", "N|off", "A worker of prefork is replaced after so many connections.",
            (plan, text) => plan.Options.Workers.MaxConnections = SettingValues.CountOrOff(text)) { HonouredBy = PreforkModels, Default = "off" },
        new("worker-memory", "SIZE|off", "A worker of prefork with more memory than this, as 200MiB, is replaced.",
            (plan, text) => plan.Options.Workers.MaxMemory = SettingValues.SizeOrOff(text)) { HonouredBy = PreforkModels, Default = "off" },
        new("worker-heap", "SIZE|off", "The most that a worker's managed heap may hold: beyond it, allocations fail.",
            (plan, text) => plan.Options.Workers.HeapLimit = SettingValues.SizeOrOff(text)) { HonouredBy = WorkerModels, Default = "off" },
        new("worker-cpu", "TIME|off", "The processor time that a worker may use in its life, in whole seconds; the system ends it then.",
            (plan, text) => plan.Options.Workers.ProcessorTimeLimit = SettingValues.DurationOrOff(text)) { HonouredBy = WorkerModels, Default = "off" },
        new("worker-hang", "TIME|off", "A worker of prefork that has not shown for so long that it can serve is killed and replaced.",
            (plan, text) => plan.Options.Workers.HangsAfter = SettingValues.DurationOrOff(text)) { HonouredBy = PreforkModels, Default = "10s" },
        new("worker-ready", "TIME", "How long a new worker may take until it can serve.",
            (plan, text) => plan.Options.Workers.ReadyWithin = SettingValues.Duration(text)) { HonouredBy = WorkerModels, Default = "10s" },
        new("queue", "N", "Accepted connections that wait for a thread of threadpool.",
            (plan, text) => plan.Options.Queue = SettingValues.Count(text, 0)) { HonouredBy = PoolModels, Default = "1024" },
        new("backlog", "N", "Connections that the kernel queues before they are accepted.",
            (plan, text) => plan.Options.Sockets.Backlog = SettingValues.Count(text, 1)) { Default = "512" },
        new("max-datagrams", "N", "Datagrams handled at once, a hard maximum; more wait in the kernel.",
            (plan, text) => plan.Options.Datagrams.MaxConcurrent = SettingValues.Count(text, 1)) { HonouredAt = DatagramSockets, Default = "1024" },
        new("max-datagram-size", "SIZE", "Bytes kept of a datagram; a longer one is cut.",
            (plan, text) => plan.Options.Datagrams.MaxSize = SettingValues.Size(text)) { HonouredAt = DatagramSockets, Default = "64KiB" },
        new("receive-buffer", "SIZE", "The kernel's buffer of each datagram socket, capped by net.core.rmem_max.",
            (plan, text) => plan.Options.Datagrams.ReceiveBuffer = SettingValues.Size(text)) { HonouredAt = DatagramSockets, Default = "the kernel's" },
        new("send-buffer", "SIZE", "The same for sending, capped by net.core.wmem_max.",
            (plan, text) => plan.Options.Datagrams.SendBuffer = SettingValues.Size(text)) { HonouredAt = DatagramSockets, Default = "the kernel's" },
        new("max-connections", "N", "Connections served at once, a hard maximum.",
            (plan, text) => plan.Options.Limits.MaxConnections = SettingValues.Count(text, 1)) { Default = "what RLIMIT_NOFILE leaves" },
        new("max-connections-per-source", "N|off", "Connections at once from one address; more are refused.",
            (plan, text) => plan.Options.Limits.MaxConnectionsPerSource = SettingValues.CountOrOff(text)) { Default = "off" },
        new("on-limit", "wait|refuse", "What becomes of a connection above the maximum.",
            (plan, text) => plan.Options.Limits.OnLimit = SettingValues.Word(text, ("wait", OnLimit.Wait), ("refuse", OnLimit.Refuse))) { Default = "wait" },
        new("idle-timeout", "TIME|off", "The longest that a read may wait, as 500ms, 30s, 2m, 1h.",
            (plan, text) => plan.Options.Limits.IdleTimeout = SettingValues.DurationOrOff(text)) { Default = "off" },
        new("first-byte-timeout", "TIME|off", "The longest wait for a connection's first byte.",
            (plan, text) => plan.Options.Limits.FirstByteTimeout = SettingValues.DurationOrOff(text)) { Default = "off" },
        new("lifetime", "TIME|off", "The longest life of a connection.",
            (plan, text) => plan.Options.Limits.Lifetime = SettingValues.DurationOrOff(text)) { Default = "off" },
        new("min-rate", "RATE|off", "Bytes per second that a peer must keep up inside a unit or a flush, as 1KiB/s.",
            (plan, text) => plan.Options.Limits.MinRate = SettingValues.RateOrOff(text)) { Default = "off" },
        new("write-timeout", "TIME|off", "The longest that a peer may not read what is sent.",
            (plan, text) => plan.Options.Limits.WriteTimeout = SettingValues.DurationOrOff(text)) { Default = "60s" },
        new("drain", "TIME", "How long stopping waits for connections to end by themselves.",
            (plan, text) => plan.Options.Drain = SettingValues.Duration(text)) { Default = "10s" },
        new("pid-file", "FILE", "Names the process in this file while it serves: for 'sluice --upgrade --pid-file FILE', which replaces it without refusing anybody, and for your own signals.",
            (plan, text) => plan.PidFile = text),
        new("upgrade-within", "TIME", "How long a new process may take to take over (SIGUSR2); then this one goes on.",
            (plan, text) => plan.Upgrade.ReadyWithin = SettingValues.DurationOrOff(text) ?? throw new FormatException("a duration such as 10s, more than 0")) { Default = "10s" },
        new("reuse-port", "", "Let several servers listen on one TCP or UDP port (SO_REUSEPORT).",
            (plan, text) => plan.Options.Sockets.ReusePort = SettingValues.Switch(text)) { HonouredAt = SharedPorts },
        Lang,
        new("json", "", "Lines for machines are JSON: the listening line.", (plan, text) => plan.Json = SettingValues.Switch(text)),
        new("log-level", "LEVEL", "trace, debug, info, warning, error or none.",
            (plan, text) => plan.LogLevel = SettingValues.Word(text, ("trace", LogLevel.Trace), ("debug", LogLevel.Debug), ("info", LogLevel.Information),
                ("warning", LogLevel.Warning), ("error", LogLevel.Error), ("none", LogLevel.None))) { Default = "info" },
    ];

    /// <summary>What <c>serve</c> and <c>receive</c> take.</summary>
    public static readonly ServerSetting[] WithListen = [Listen, .. OfUnixSockets, .. Common];
}
