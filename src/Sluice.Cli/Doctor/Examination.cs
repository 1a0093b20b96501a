using System.Globalization;
using Sluice.Cli.Serving;

namespace Sluice.Cli.Doctor;

/// <summary>What the doctor looks at, in the order it is printed. It reads /proc and /sys and changes nothing.</summary>
internal static class Examination
{
    private const int DefaultBacklog = 512;
    private const int ThreadModelMaximum = 10_000;

    public static Finding[] Run() =>
    [
        Kernel(), Descriptors(), SystemDescriptors(), AcceptQueue(), ListenOverflows(), ListenDrops(), SynBacklog(), Threads("kernel.threads-max", "/proc/sys/kernel/threads-max"),
        Threads("kernel.pid_max", "/proc/sys/kernel/pid_max"), ControlGroupThreads(), MemoryMaps(), LocalPorts(), PrivilegedPorts(), IoUring(), LockedMemory(),
    ];

    private static Finding Kernel()
    {
        string release = ProcFile.Text("/proc/sys/kernel/osrelease") ?? "";
        string[] parts = release.Split('.', '-');
        bool known = parts.Length > 1 && int.TryParse(parts[0], CultureInfo.InvariantCulture, out _) && int.TryParse(parts[1], CultureInfo.InvariantCulture, out _);
        bool old = known && int.Parse(parts[0], CultureInfo.InvariantCulture) * 100 + int.Parse(parts[1], CultureInfo.InvariantCulture) < 601;
        return known
            ? new("kernel", release, old ? Verdict.Limits : Verdict.Ok, old ? "the model io_uring needs 6.1 or newer; every other model runs" : "new enough for every model")
            : Unknown("kernel");
    }

    private static Finding Descriptors()
    {
        if (ProcessLimits.Find("Max open files") is not { } limit)
        {
            return Unknown("RLIMIT_NOFILE");
        }

        string value = $"soft {limit.Soft}, hard {limit.Hard}";
        return limit.Number is < 10_000
            ? new("RLIMIT_NOFILE", value, Verdict.Limits, $"a server here holds about {limit.Number - 200} connections; ulimit -n {limit.Hard}, or LimitNOFILE= in its unit, for more")
            : new("RLIMIT_NOFILE", value, Verdict.Ok, "each connection is a descriptor, and 64 stay spare");
    }

    private static Finding SystemDescriptors()
    {
        const string Name = "fs.file-nr";
        string[] parts = (ProcFile.Text("/proc/sys/fs/file-nr") ?? "").Split('\t');
        return parts.Length == 3 && long.TryParse(parts[0], CultureInfo.InvariantCulture, out long open) && double.TryParse(parts[2], CultureInfo.InvariantCulture, out double most)
            ? new(Name, $"{parts[0]} of {parts[2]}", open > most * 0.9 ? Verdict.Bad : Verdict.Ok, open > most * 0.9
                ? "the whole machine is about to run out of descriptors: raise fs.file-max"
                : "descriptors open on the whole machine")
            : Unknown(Name);
    }

    private static Finding AcceptQueue() => ProcFile.Number("/proc/sys/net/core/somaxconn") is { } most
        ? most < DefaultBacklog
            ? new("net.core.somaxconn", Say(most), Verdict.Limits, $"caps the backlog of {DefaultBacklog}: sysctl -w net.core.somaxconn=4096")
            : new("net.core.somaxconn", Say(most), Verdict.Ok, $"at least the default backlog of {DefaultBacklog}; --backlog goes up to this")
        : Unknown("net.core.somaxconn");

    private static Finding ListenOverflows() => Counter("ListenOverflows", "connections dropped since boot because an accept queue was full: a larger --backlog, a model that accepts faster, or fewer clients");

    private static Finding ListenDrops() => Counter("ListenDrops", "connection requests dropped since boot by listening sockets, for any reason; overflows are most of them");

    private static Finding Counter(string name, string meaning) => NetworkCounters.Find(name) is { } count
        ? new(name, Say(count), count > 0 ? Verdict.Limits : Verdict.Ok, count > 0 ? meaning : "none since boot")
        : Unknown(name);

    private static Finding SynBacklog() => ProcFile.Number("/proc/sys/net/ipv4/tcp_max_syn_backlog") is { } most
        ? new("net.ipv4.tcp_max_syn_backlog", Say(most), most < DefaultBacklog ? Verdict.Limits : Verdict.Ok, most < DefaultBacklog
            ? "few handshakes may be under way at once: sysctl -w net.ipv4.tcp_max_syn_backlog=4096"
            : "handshakes under way at once")
        : Unknown("net.ipv4.tcp_max_syn_backlog");

    private static Finding Threads(string name, string path) => ProcFile.Number(path) is { } most
        ? most < ThreadModelMaximum + 1000
            ? new(name, Say(most), Verdict.Limits, $"the model thread wants up to {ThreadModelMaximum} threads: sysctl -w {name}=65536, or --max-connections below it")
            : new(name, Say(most), Verdict.Ok, $"room for the {ThreadModelMaximum} threads of the model thread")
        : Unknown(name);

    private static Finding ControlGroupThreads()
    {
        const string Name = "cgroup pids.max";
        return ProcFile.Text("/sys/fs/cgroup/pids.max") switch
        {
            null => new(Name, "none", Verdict.Ok, "no control group limits threads here"),
            "max" => new(Name, "max", Verdict.Ok, "the control group does not limit threads"),
            { } text when long.TryParse(text, CultureInfo.InvariantCulture, out long most) => new(Name, text, most < ThreadModelMaximum ? Verdict.Limits : Verdict.Ok, most < ThreadModelMaximum
                ? "fewer threads than the model thread may want: raise TasksMax= or the container's pids limit, or give --max-connections"
                : "room for the threads of the model thread"),
            _ => Unknown(Name),
        };
    }

    private static Finding MemoryMaps() => ProcFile.Number("/proc/sys/vm/max_map_count") is { } most
        ? new("vm.max_map_count", Say(most), most < 3 * ThreadModelMaximum ? Verdict.Limits : Verdict.Ok, most < 3 * ThreadModelMaximum
            ? "each thread's stack takes 2 or 3 maps: sysctl -w vm.max_map_count=262144 for many threads"
            : "each thread's stack takes 2 or 3 maps; enough")
        : Unknown("vm.max_map_count");

    private static Finding LocalPorts()
    {
        const string Name = "net.ipv4.ip_local_port_range";
        string[] parts = (ProcFile.Text("/proc/sys/net/ipv4/ip_local_port_range") ?? "").Split('\t', ' ');
        if (parts.Length != 2 || !int.TryParse(parts[0], CultureInfo.InvariantCulture, out int low) || !int.TryParse(parts[1], CultureInfo.InvariantCulture, out int high))
        {
            return Unknown(Name);
        }

        int ports = high - low + 1;
        return new(Name, $"{low}-{high}", ports < 20_000 ? Verdict.Limits : Verdict.Ok,
            $"one client machine opens at most {ports} connections to one address{(ports < 20_000 ? ": sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"" : "")}");
    }

    private static Finding PrivilegedPorts() => ProcFile.Number("/proc/sys/net/ipv4/ip_unprivileged_port_start") is { } first
        ? new("net.ipv4.ip_unprivileged_port_start", Say(first), Verdict.Ok, first == 0 ? "every user may listen on every port" : $"ports below {first} need CAP_NET_BIND_SERVICE")
        : Unknown("net.ipv4.ip_unprivileged_port_start");

    // Since Linux 6.6: 0 everybody, 1 a group (io_uring_group) and root, 2 nobody. Before, the file is not there and everybody may.
    private static Finding IoUring() => ProcFile.Number("/proc/sys/kernel/io_uring_disabled") switch
    {
        0 => new("kernel.io_uring_disabled", "0", Verdict.Ok, "everybody may make rings; a container's seccomp profile may still forbid it"),
        1 => new("kernel.io_uring_disabled", "1", Verdict.Limits, "only root and io_uring_group may make rings: sysctl -w kernel.io_uring_disabled=0 for everybody"),
        2 => new("kernel.io_uring_disabled", "2", Verdict.Limits, "nobody may make rings: sysctl -w kernel.io_uring_disabled=0; the model auto takes another until then"),
        _ => new("kernel.io_uring_disabled", "not there", Verdict.Unknown, "this kernel has no such switch (before 6.6): if it has io_uring, everybody may make rings"),
    };

    private static Finding LockedMemory() => ProcessLimits.Find("Max locked memory") is { } limit
        ? new("RLIMIT_MEMLOCK", $"soft {limit.Soft}, hard {limit.Hard}", limit.Number is < 8 * 1024 * 1024 ? Verdict.Limits : Verdict.Ok, limit.Number is < 8 * 1024 * 1024
            ? "little room for the registered buffers of io_uring: ulimit -l, or LimitMEMLOCK= in its unit"
            : "room for the registered buffers of io_uring")
        : Unknown("RLIMIT_MEMLOCK");

    private static Finding Unknown(string name) => new(name, "not there", Verdict.Unknown, "the kernel or the container does not say");

    private static string Say(long number) => number.ToString(CultureInfo.InvariantCulture);
}
