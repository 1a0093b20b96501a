using System.Globalization;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Many more datagrams than can be served, from many ports, to a server in a process of its own.</summary>
[Collection(nameof(Alone))]
public sealed class SurvivesDatagramFlood
{
    private const long MostGrowth = 64 * 1024 * 1024;
    private const long MostThreads = 1_024; // DatagramOptions.MaxConcurrent
    private const long MostOfThread = 128 * 1024; // what it touches of its stack, and what the runtime keeps of it

    // Whoever may not make up packets has fewer ports, each a socket.
    private const string Flood = """
        import array, socket, struct, sys
        port, count, ports = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
        payload = b"flood flood flood"
        sent = 0
        try:
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
            packets = [struct.pack("!HHHH", 10_000 + number, port, 8 + len(payload), 0) + payload for number in range(ports)]
            raw.connect(("127.0.0.1", 0))
            send = [raw.send]
        except PermissionError:
            sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for number in range(500)]
            for one in sockets: one.connect(("127.0.0.1", port))
            packets, send = [payload], [one.send for one in sockets]
        while sent < count:
            for packet in packets:
                for one in send:
                    try: one(packet)
                    except OSError: pass
                    sent += 1
                if sent >= count: break
        print(sent)
        """;

    public static TheoryData<string> Floodable => ["epoll", "io_uring", "threadpool", "thread", "async"];

    [Theory, MemberData(nameof(Floodable))]
    public Task Of_twenty_thousand_from_ten_thousand_ports(string model) => FloodAsync(model, 20_000, 10_000);

    [Theory, Trait("Tier", "long"), MemberData(nameof(Floodable))]
    public Task Of_a_million_from_fifty_thousand_ports(string model) => FloodAsync(model, 1_000_000, 50_000);

    private static async Task FloodAsync(string model, int count, int ports)
    {
        await using ChildServer server = await ChildServer.StartAsync("", model, "udp://127.0.0.1:0");
        using RawDatagramClient golden = RawDatagramClient.Connect(server.Url);
        Assert.Equal("before", await golden.AskAsync("before"));
        long before = ProcessCounters.ResidentBytes(server.ServerPid);
        long most = before;
        using var over = new CancellationTokenSource();
        Task watching = Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                most = Math.Max(most, ProcessCounters.ResidentBytes(server.ServerPid));
                await Task.Delay(20);
            }
        });
        string printed = await PythonScript.RunAsync(Flood, TimeSpan.FromSeconds(100), $"{server.Url.Port}", $"{count}", $"{ports}");
        Assert.InRange(int.Parse(printed, CultureInfo.InvariantCulture), count, count + ports);
        long ended = Environment.TickCount64;
        long asked = 0;
        await Eventually.Until(() =>
        {
            if (Environment.TickCount64 - asked > 100)
            {
                golden.Socket.Send("after"u8); // one that finds the kernel's buffer full is lost like any other
                asked = Environment.TickCount64;
            }

            return golden.Drain().Exists(answer => answer.AsSpan().SequenceEqual("after"u8));
        }, "it serves again", TimeSpan.FromSeconds(5));
        Assert.InRange(Environment.TickCount64 - ended, 0, 3_000);
        await over.CancelAsync();
        await watching;
        Assert.True(server.IsAlive);
        Assert.InRange(most - before, long.MinValue, MostGrowth + (model == "thread" ? MostThreads * MostOfThread : 0));
    }
}
