using System.Globalization;
using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests.Processes;

/// <summary>A model whose handlers run in other processes, over a transport; the workers run tests/Sluice.TestServer.</summary>
public sealed class WorkerCell
{
    private static int _lastName;

    private readonly string _transport;

    public WorkerCell(string model, string transport)
    {
        ArgumentNullException.ThrowIfNull(model);
        string[] words = model.Split('+');
        (Model, Inner, _transport) = (words[0], words.Length > 1 ? words[1] : "auto", transport);
    }

    /// <summary>Every such model × the transports that have descriptors; prefork with several models inside.</summary>
    public static TheoryData<string, string> Cells
    {
        get
        {
            TheoryData<string, string> cells = new MatrixTheoryData<string, string>(["process", "prefork+iterative", "prefork+thread", "prefork+epoll", "prefork+io_uring"], ["tcp", "unix"]);
            cells.Add("prefork+threadpool", "tcp");
            cells.Add("prefork+async", "unix");
            return cells;
        }
    }

    /// <summary>One cell of each kind, for what takes seconds.</summary>
    public static TheoryData<string, string> Kinds => new()
    {
        { "process", "tcp" },
        { "prefork+iterative", "tcp" },
        { "prefork+thread", "unix" },
        { "prefork+epoll", "tcp" },
        { "prefork+io_uring", "unix" },
    };

    /// <summary>The same over TCP, one model inside prefork.</summary>
    public static TheoryData<string, string> Few => new MatrixTheoryData<string, string>(["process", "prefork+epoll"], ["tcp"]);

    /// <summary>Every such model over a transport of datagrams.</summary>
    public static TheoryData<string, string> OfDatagrams => new()
    {
        { "process", "udp" },
        { "process", "unixgram" },
        { "prefork+iterative", "udp" },
        { "prefork+thread", "unixgram" },
        { "prefork+threadpool", "udp" },
        { "prefork+async", "unixgram" },
        { "prefork+epoll", "udp" },
        { "prefork+io_uring", "unixgram" },
    };

    public string Model { get; }

    public string Inner { get; }

    public bool IsPrefork => Model == "prefork";

    /// <summary>What servers of this cell have in common.</summary>
    public ServerSpec Spec
    {
        get
        {
            string name = Interlocked.Increment(ref _lastName).ToString(CultureInfo.InvariantCulture);
            string url = _transport is "tcp" or "udp" ? $"{_transport}://127.0.0.1:0" : $"{_transport}://{Path.GetTempPath()}sluice-workers-{Environment.ProcessId}-{name}.sock";
            return new ServerSpec { Model = Model, Inner = Inner, Url = url, Name = $"cell-{name}" };
        }
    }

    /// <summary>Starts a server whose master is this process.</summary>
    public static async Task<RunningServer> StartAsync(ServerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var running = new RunningServer((spec with { Program = [ChildServer.Program, "spec", $"{spec}"] }).ToBuilder().Build());
        await running.Server.StartAsync().Within("the server started", TimeSpan.FromSeconds(20));
        return running;
    }
}

/// <summary>A client that says lines.</summary>
public sealed class LineClient(RawClient client) : IAsyncDisposable
{
    public RawClient Raw => client;

    public static async Task<LineClient> ConnectAsync(SocketAddressUrl url) => new(await RawClient.ConnectAsync(url));

    /// <summary>Says a line, and gives the next one that comes back.</summary>
    public async Task<string> AskAsync(string line)
    {
        await client.SendAsync(System.Text.Encoding.UTF8.GetBytes(line + '\n'));
        var answer = new List<byte>();
        while (true)
        {
            byte next = (await client.ReceiveExactlyAsync(1))[0];
            if (next == '\n')
            {
                return System.Text.Encoding.UTF8.GetString([.. answer]);
            }

            answer.Add(next);
        }
    }

    public async Task<int> PidAsync() => int.Parse(await AskAsync("pid"), CultureInfo.InvariantCulture);

    /// <summary>Says a line that the server does not survive, and waits for the end, whichever way it comes.</summary>
    public async Task EndByAsync(string line)
    {
        await client.SendAsync(System.Text.Encoding.UTF8.GetBytes(line + '\n'));
        await client.WaitForEndAsync();
    }

    public ValueTask DisposeAsync() => client.DisposeAsync();
}
