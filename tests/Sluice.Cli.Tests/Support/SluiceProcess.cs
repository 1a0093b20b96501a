using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;

namespace Sluice.Cli.Tests.Support;

/// <summary>The built program as a child process. What is waited for is a line or the end, never a time.</summary>
internal sealed class SluiceProcess : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Channel<string> _out = Channel.CreateUnbounded<string>();
    private readonly StringBuilder _errors = new();
    private readonly Task _pumps;

    private SluiceProcess(Process process)
    {
        Process = process;
        _pumps = Task.WhenAll(PumpOutAsync(), PumpErrorsAsync());
    }

    public Process Process { get; }

    public StreamWriter Input => Process.StandardInput;

    /// <summary>What stderr has said so far.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>Starts <c>sluice</c> in a clean environment: no locale but C.UTF-8, no SLUICE_ variable but those given.</summary>
    public static SluiceProcess Start(string[] arguments, (string Name, string Value)[]? environment = null, string[]? wrapper = null, string? directory = null)
    {
        // artifacts/bin/Sluice.Cli.Tests/<configuration>/ is where this runs; the program is its neighbour.
        string own = AppContext.BaseDirectory.TrimEnd('/');
        string program = Path.GetFullPath($"{own}/../../Sluice.Cli/{Path.GetFileName(own)}/Sluice.Cli.dll");
        string[] words = [.. wrapper ?? [], "dotnet", program, .. arguments];
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = new UTF8Encoding(false),
            StandardErrorEncoding = new UTF8Encoding(false),
            StandardInputEncoding = new UTF8Encoding(false),
            UseShellExecute = false,
            WorkingDirectory = directory ?? "",
        };
        foreach (string name in start.Environment.Keys.Where(name => name.StartsWith("SLUICE_", StringComparison.Ordinal) || name.StartsWith("LC_", StringComparison.Ordinal)).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["LANG"] = "C.UTF-8";
        foreach ((string name, string value) in environment ?? [])
        {
            start.Environment[name] = value;
        }

        return new SluiceProcess(Process.Start(start)!);
    }

    /// <summary>Runs it to its end.</summary>
    public static async Task<(int Code, string Out, string Errors)> RunAsync(string[] arguments, (string Name, string Value)[]? environment = null, string input = "", string[]? wrapper = null)
    {
        await using SluiceProcess sluice = Start(arguments, environment, wrapper);
        await sluice.Input.WriteAsync(input);
        sluice.Input.Close();
        int code = await sluice.EndAsync();
        return (code, string.Join('\n', await sluice.RestAsync()), sluice.Errors);
    }

    /// <summary>Starts a server and waits for its listening line.</summary>
    public static async Task<(SluiceProcess Sluice, int Port)> ServeAsync(params string[] arguments)
    {
        SluiceProcess sluice = Start(arguments);
        return (sluice, PortOf(await sluice.LineAsync()));
    }

    /// <summary>The port in a line as <c>listening tcp://127.0.0.1:9000 model=thread pid=4711</c>.</summary>
    public static int PortOf(string line)
    {
        Assert.StartsWith("listening tcp://", line, StringComparison.Ordinal);
        return int.Parse(line.Split(' ')[1].Split(':')[^1], CultureInfo.InvariantCulture);
    }

    /// <summary>The next line of stdout.</summary>
    public async Task<string> LineAsync()
    {
        try
        {
            using var patience = new CancellationTokenSource(Patience);
            return await _out.Reader.ReadAsync(patience.Token);
        }
        catch (Exception error) when (error is ChannelClosedException or OperationCanceledException)
        {
            throw new InvalidOperationException($"No line came. stderr: {Errors}", error);
        }
    }

    /// <summary>The next lines of stdout.</summary>
    public async Task<string[]> LinesAsync(int count)
    {
        var lines = new List<string>();
        while (lines.Count < count)
        {
            lines.Add(await LineAsync());
        }

        return [.. lines];
    }

    /// <summary>The lines of stdout up to its end.</summary>
    public async Task<string[]> RestAsync()
    {
        var lines = new List<string>();
        await foreach (string line in _out.Reader.ReadAllAsync())
        {
            lines.Add(line);
        }

        return [.. lines];
    }

    /// <summary>Waits until stderr has said <paramref name="text"/>.</summary>
    public async Task ErrorSaysAsync(string text)
    {
        long began = Environment.TickCount64;
        while (!Errors.Contains(text, StringComparison.Ordinal))
        {
            Assert.True(Environment.TickCount64 - began < Patience.TotalMilliseconds, $"stderr never said '{text}': {Errors}");
            await Task.Delay(10);
        }
    }

    /// <summary>Sends a signal to this process, by its id.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", Process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    /// <summary>Waits for the end.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> EndAsync()
    {
        await Process.WaitForExitAsync().WaitAsync(Patience);
        await _pumps.WaitAsync(Patience);
        return Process.ExitCode;
    }

    /// <summary>SIGTERM, and the end.</summary>
    public Task<int> StopAsync(string signal = "TERM")
    {
        Signal(signal);
        return EndAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!Process.HasExited)
        {
            Process.Kill();
            await Process.WaitForExitAsync();
        }

        Process.Dispose();
    }

    private async Task PumpOutAsync()
    {
        while (await Process.StandardOutput.ReadLineAsync() is { } line)
        {
            _out.Writer.TryWrite(line);
        }

        _out.Writer.Complete();
    }

    private async Task PumpErrorsAsync()
    {
        while (await Process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errors)
            {
                _errors.Append(line).Append('\n');
            }
        }
    }
}
