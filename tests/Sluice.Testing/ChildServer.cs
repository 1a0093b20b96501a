using System.Collections.Concurrent;
using System.Diagnostics;
using Sluice.Transports;

namespace Sluice.Testing;

/// <summary>tests/Sluice.TestServer in a process of its own, perhaps under prlimit or strace: for faults that a test process would not survive.</summary>
public sealed class ChildServer : IAsyncDisposable
{
    private readonly Process _process;

    private ChildServer(Process process) => _process = process;

    /// <summary>The server's program. The build puts every project's output side by side: artifacts/bin/PROJECT/CONFIGURATION.</summary>
    public static string Program
    {
        get
        {
            string own = AppContext.BaseDirectory.TrimEnd('/');
            return Path.GetFullPath(Path.Combine(own, "..", "..", "Sluice.TestServer", Path.GetFileName(own), "Sluice.TestServer"));
        }
    }

    /// <summary>What it listens on.</summary>
    public SocketAddressUrl Url { get; private set; } = null!;

    /// <summary>The server's own process, not the tool's that started it.</summary>
    public int ServerPid { get; private set; }

    /// <summary>Its log so far, as "LEVEL ID text", with when each line came (TickCount64).</summary>
    public ConcurrentQueue<(long At, string Line)> Log { get; } = new();

    /// <summary>Whether it lives.</summary>
    public bool IsAlive => !_process.HasExited;

    /// <summary>Starts it. <paramref name="wrapper"/> is a tool and its arguments, or empty; a tool that is missing fails the test.</summary>
    public static async Task<ChildServer> StartAsync(string wrapper, string model, string url, string arguments = "")
    {
        ArgumentNullException.ThrowIfNull(wrapper);
        return await StartAsync([.. wrapper.Split(' ', StringSplitOptions.RemoveEmptyEntries), Program, model, url, .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
    }

    /// <summary>Starts one as <paramref name="spec"/> says.</summary>
    public static Task<ChildServer> StartAsync(ServerSpec spec) => StartAsync([Program, "spec", $"{spec}"]);

    /// <summary>Starts a command that says what the server says.</summary>
    public static async Task<ChildServer> StartAsync(string[] words)
    {
        ArgumentNullException.ThrowIfNull(words);
        var start = new ProcessStartInfo(words[0], words[1..]) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        var child = new ChildServer(Process.Start(start)!);
        child._process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is not null)
            {
                child.Log.Enqueue((Environment.TickCount64, line.Data));
            }
        };
        child._process.BeginErrorReadLine();
        string? first = await child._process.StandardOutput.ReadLineAsync().Within("the child listens", TimeSpan.FromSeconds(20));
        if (first?.Split(' ') is not ["listening", var bound, var pid])
        {
            await child.DisposeAsync();
            throw new InvalidOperationException($"The child said '{first}' and {string.Join(" | ", child.Log.Select(line => line.Line))}");
        }

        child.Url = SocketAddressUrl.Parse(bound);
        child.ServerPid = int.Parse(pid, System.Globalization.CultureInfo.InvariantCulture);
        return child;
    }

    /// <summary>Has a new process take over, which is the server's own from then on.</summary>
    public async Task UpgradeAsync()
    {
        ChildProcesses.Signal(ServerPid, "USR2");
        Task<string?> says = _process.StandardOutput.ReadLineAsync();
        string? line = await Task.WhenAny(says, Task.Delay(TimeSpan.FromSeconds(40))) == says ? await says : null;
        ServerPid = line?.Split(' ') is ["listening", _, var pid]
            ? int.Parse(pid, System.Globalization.CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"The child said '{line}' and {string.Join(" | ", Log.Select(one => one.Line))}");
    }

    /// <summary>Ends it.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
            await _process.WaitForExitAsync().Within("the child ended", TimeSpan.FromSeconds(8));
        }
        catch (TimeoutException)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }
}
