using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

[Collection(nameof(Alone))]
public sealed class DatagramsAllocateNothing
{
    private const int WarmUp = 1_000;
    private const int Stretch = 1_000;
    private const int Stretches = 4;

    // What the rest of this process allocates meanwhile: far less than a byte for each would be.
    private const long Noise = 800;

    private const int Window = 8; // of the client

    // Another process, so that its memory is not counted. So many at a time that a Unix socket's queue holds them.
    private const string Client = """
        import socket, sys
        family, server, count, window = sys.argv[1], sys.argv[2], int(sys.argv[3]), 8
        if family == "udp":
            peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            peer.connect(("127.0.0.1", int(server)))
        else:
            peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            peer.bind("\0" + sys.argv[4])
            peer.connect(server)
        peer.settimeout(20)
        message = b"abcdefgh" * 8
        for number in range(0, count, window):
            for i in range(window): peer.send(message)
            for i in range(window): assert peer.recv(100).lower() == message
        """;

    public static TheoryData<string, string, bool> Cells
    {
        get
        {
            var all = new TheoryData<string, string, bool>();
            foreach (TheoryDataRow<string, string> cell in Matrix.DatagramKindCells)
            {
                all.Add(cell.Data.Item1, cell.Data.Item2, cell.Data.Item2 == "unixgram"); // the ways to answer differ by handler, not by transport
            }

            return all;
        }
    }

    [Theory, MemberData(nameof(Cells))]
    public Task A_datagram_and_its_answer_allocate_nothing(string model, string transport, bool upper) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        int count = 0;
        var stretches = new long[Stretches + 1];
        long memory = 0;
        byte[] answer = new byte[64];
        bool ownThread = cell.Model.Name == "thread"; // makes one for each datagram
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            int number = Interlocked.Increment(ref count) - WarmUp;
            if (number >= 0 && number % Stretch == 0)
            {
                memory = ownThread && number == 0 ? GC.GetTotalMemory(forceFullCollection: true) : memory;
                stretches[number / Stretch] = Allocated(cell);
            }

            if (!upper)
            {
                return context.ReplyAsync(context.Payload);
            }

            lock (answer)
            {
                ReadOnlySpan<byte> payload = context.Payload.Span;
                for (int i = 0; i < answer.Length; i++)
                {
                    answer[i] = (byte)(payload[i] - 32);
                }

                return context.ReplyAsync(answer);
            }
        }, options =>
        {
            options.Threads = 4;
            options.Loops = 1;
        });
        await PythonScript.RunAsync(Client, transport, cell.IsUnix ? server.Url.Path : $"{server.Url.Port}", $"{WarmUp + (Stretches * Stretch) + Window}", $"allocates-{Environment.ProcessId}");
        Assert.Equal(WarmUp + (Stretches * Stretch) + Window, count);
        if (ownThread)
        {
            Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - memory, long.MinValue, 1024 * 1024);
        }
        else
        {
            // More handlers at once than ever before cost a buffer each, once: the steady state is the stretch that had none of these.
            Assert.InRange(Enumerable.Range(0, Stretches).Min(i => stretches[i + 1] - stretches[i]), 0, cell.IsInOrder ? 0 : Noise);
        }
    });

    // Where one thread runs all handlers, what it has allocated; else what all have.
    private static long Allocated(DatagramCell cell) => cell.IsInOrder ? GC.GetAllocatedBytesForCurrentThread() : GC.GetTotalAllocatedBytes(precise: true);
}
