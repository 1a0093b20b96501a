using System.Globalization;

namespace Sluice.Testing;

/// <summary>What a process holds, as the kernel counts it.</summary>
public static class ProcessCounters
{
    /// <summary>Open descriptors of a process; of this one by default.</summary>
    public static int Descriptors(int? pid = null) => Directory.GetFileSystemEntries($"/proc/{Name(pid)}/fd").Length;

    /// <summary>Sockets among this process's descriptors.</summary>
    public static int Sockets() => Count("socket:");

    /// <summary>What waits for others among this process's descriptors: epoll, eventfd, io_uring.</summary>
    public static int Watches() => Count("anon_inode:");

    /// <summary>
    /// Threads of this process that Sluice started, by their names. The runtime's own come and go with the load of whoever tests.
    /// </summary>
    public static int OwnThreads() => OfOwnThreads(static _ => 1).Count;

    /// <summary>CPU time so far of this process's threads that Sluice started.</summary>
    public static TimeSpan OwnCpu()
    {
        const int NanosecondsPerTick = 100;
        return TimeSpan.FromTicks(OfOwnThreads(static task => long.Parse(File.ReadAllText(task + "/schedstat").Split(' ')[0], CultureInfo.InvariantCulture)).Sum() / NanosecondsPerTick);
    }

    /// <summary>Resident memory in bytes.</summary>
    public static long ResidentBytes(int? pid = null)
    {
        string line = File.ReadLines($"/proc/{Name(pid)}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <summary>CPU time of a process so far, user and system.</summary>
    public static TimeSpan Cpu(int pid)
    {
        string stat = File.ReadAllText($"/proc/{pid}/stat");
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        const int UserTime = 14 - 3;
        const int SystemTime = 15 - 3;
        const int TicksPerSecond = 100; // USER_HZ
        long ticks = long.Parse(fields[UserTime], CultureInfo.InvariantCulture) + long.Parse(fields[SystemTime], CultureInfo.InvariantCulture);
        return TimeSpan.FromMilliseconds(ticks * 1000.0 / TicksPerSecond);
    }

    private static List<long> OfOwnThreads(Func<string, long> what)
    {
        var all = new List<long>();
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                if (File.ReadAllText(task + "/comm").StartsWith("sluice-", StringComparison.Ordinal))
                {
                    all.Add(what(task));
                }
            }
            catch (IOException)
            {
                // It ended meanwhile.
            }
        }

        return all;
    }

    private static int Count(string kind)
    {
        int count = 0;
        foreach (string entry in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            try
            {
                count += new FileInfo(entry).LinkTarget?.StartsWith(kind, StringComparison.Ordinal) == true ? 1 : 0;
            }
            catch (IOException)
            {
                // It was closed meanwhile.
            }
        }

        return count;
    }

    private static string Name(int? pid) => pid?.ToString(CultureInfo.InvariantCulture) ?? "self";
}
