using System.Diagnostics;
using System.Globalization;

namespace Sluice.Cli.Tests.Support;

/// <summary>A server with a pid file, and whatever replaces it: they share stdout and stderr, and none outlives its test.</summary>
internal sealed class UpgradableServer : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<int> _processes = [];
    private SluiceProcess? _first;

    public string PidFile => _directory.Of("pid");

    public string Of(string name) => _directory.Of(name);

    public string File(string name, string content) => _directory.File(name, content);

    /// <summary>The first process, whose stdout and stderr all write to.</summary>
    public SluiceProcess Sluice => _first!;

    /// <summary>The process that serves.</summary>
    public int Current => _processes[^1];

    /// <summary>The port, or the path of the Unix socket.</summary>
    public string Address { get; private set; } = "";

    /// <summary>Starts <c>sluice serve echo</c> on a TCP port of its own, or on a Unix socket.</summary>
    public Task StartAsync(bool unix, string[] arguments, params (string Name, string Value)[] environment) =>
        StartAsync(["serve", "echo", "--listen", unix ? $"unix://{_directory.Of("socket")}" : "tcp://127.0.0.1:0", .. arguments], environment);

    public async Task StartAsync(string[] arguments, params (string Name, string Value)[] environment)
    {
        _first = SluiceProcess.Start([.. arguments, "--pid-file", PidFile, "--upgrade-within", "25s"], environment);
        await ListensAsync();
        Assert.Equal(_first.Process.Id, Current);
    }

    /// <summary>Waits for the line of the one that serves from now on.</summary>
    public async Task ListensAsync()
    {
        string line = await Sluice.LineAsync();
        Assert.StartsWith("listening ", line, StringComparison.Ordinal);
        string url = line.Split(' ')[1];
        string address = url.StartsWith("unix://", StringComparison.Ordinal) ? url["unix://".Length..] : url.Split(':')[^1];
        Assert.True(Address.Length == 0 || Address == address, $"it listens on {address} and not on {Address}");
        Address = address;
        _processes.Add(int.Parse(line.Split("pid=")[1], CultureInfo.InvariantCulture));
        Assert.Equal(Current.ToString(CultureInfo.InvariantCulture), System.IO.File.ReadAllText(PidFile).Trim());
    }

    /// <summary>Has the command upgrade it, and checks what it says.</summary>
    public async Task UpgradeAsync()
    {
        int old = Current;
        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["--upgrade", "--pid-file", PidFile, "--upgrade-within", "28s"]);
        Assert.True(code == 0, errors + Sluice.Errors);
        await ListensAsync();
        Assert.StartsWith($"upgraded {old} to {Current} in ", printed, StringComparison.Ordinal);
    }

    public void Signal(string name) => Signal(Current, name);

    public static void Signal(int process, string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>SIGTERM to the one that serves, and the end of all.</summary>
    public async Task StopAsync()
    {
        Signal("TERM");
        await EndAsync();
    }

    /// <summary>Waits until every process has ended.</summary>
    public async Task EndAsync()
    {
        await Eventually.TrueAsync(() => _processes.TrueForAll(process => !IsAlive(process)));
        Assert.Equal(0, await Sluice.EndAsync());
    }

    public static bool IsAlive(int process)
    {
        try
        {
            string stat = System.IO.File.ReadAllText($"/proc/{process}/stat");
            return !stat[(stat.LastIndexOf(')') + 1)..].StartsWith(" Z", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The processes that a process has started.</summary>
    public static int[] ChildrenOf(int process) => [.. Directory.GetDirectories($"/proc/{process}/task")
        .SelectMany(task => System.IO.File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Select(child => int.Parse(child, CultureInfo.InvariantCulture))];

    public async ValueTask DisposeAsync()
    {
        // One that was not heard of yet may be in the pid file.
        _ = int.TryParse(System.IO.File.Exists(PidFile) ? System.IO.File.ReadAllText(PidFile) : "", out int last);
        foreach (int process in _processes.Append(last).Where(process => process > 1 && process != Environment.ProcessId && IsAlive(process)))
        {
            Signal(process, "KILL");
        }

        if (_first is not null)
        {
            await _first.DisposeAsync();
        }

        _directory.Dispose();
    }
}
