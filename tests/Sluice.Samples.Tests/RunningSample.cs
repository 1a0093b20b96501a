using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.Samples.Tests;

/// <summary>A sample as a child process in a folder of its own, and raw clients of it.</summary>
internal sealed class RunningSample : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly CancellationTokenSource _deadline = new(Patience);

    private RunningSample(Process process, string folder) => (_process, Folder) = (process, folder);

    /// <summary>The sample's current directory.</summary>
    public string Folder { get; }

    public int ProcessId => _process.Id;

    private IPEndPoint Address { get; set; } = new(IPAddress.Loopback, 0);

    /// <summary>Starts the sample, built in the same configuration as the tests, with no wait for anything.</summary>
    public static RunningSample Start(string name, params string[] arguments)
    {
        string configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        string program = Repository.At(Path.Combine("artifacts", "bin", name, configuration, name));
        string folder = Directory.CreateTempSubdirectory("sluice-sample-").FullName;
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, UseShellExecute = false };
        return new RunningSample(Process.Start(start)!, folder);
    }

    /// <summary>Starts the sample on any free port and waits until it says that it listens.</summary>
    public static async Task<RunningSample> ListenAsync(string name)
    {
        RunningSample sample = Start(name, "tcp://127.0.0.1:0");
        string line = await sample.LineAsync("Listening ");
        Assert.StartsWith("Listening tcp://127.0.0.1:", line, StringComparison.Ordinal);
        sample.Address = IPEndPoint.Parse(line["Listening tcp://".Length..]);
        return sample;
    }

    /// <summary>The next line of the sample's output that begins with <paramref name="beginning"/>.</summary>
    public async Task<string> LineAsync(string beginning)
    {
        while (true)
        {
            string line = await _process.StandardOutput.ReadLineAsync(_deadline.Token)
                ?? throw new InvalidOperationException($"The sample ended before it printed a line with '{beginning}'.");
            if (line.StartsWith(beginning, StringComparison.Ordinal))
            {
                return line;
            }
        }
    }

    /// <summary>What Ctrl+C sends.</summary>
    public void Interrupt() => Assert.Equal(0, kill(_process.Id, 2));

    public async Task<int> ExitCodeAsync()
    {
        await _process.WaitForExitAsync(_deadline.Token);
        return _process.ExitCode;
    }

    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(Address, _deadline.Token);
        return socket;
    }

    public async Task SendAsync(Socket socket, string text) => await SendAsync(socket, Encoding.UTF8.GetBytes(text));

    public async Task SendAsync(Socket socket, byte[] bytes) => Assert.Equal(bytes.Length, await socket.SendAsync(bytes, _deadline.Token));

    /// <summary>Receives exactly what is expected, however TCP cuts it.</summary>
    public async Task ExpectAsync(Socket socket, string text) => await ExpectAsync(socket, Encoding.UTF8.GetBytes(text));

    public async Task ExpectAsync(Socket socket, byte[] expected)
    {
        var got = new byte[expected.Length];
        int count = 0;
        while (count < got.Length)
        {
            int received = await socket.ReceiveAsync(got.AsMemory(count), _deadline.Token);
            Assert.True(received > 0, $"the sample closed after '{Encoding.UTF8.GetString(got, 0, count)}'");
            count += received;
        }

        Assert.Equal(expected, got);
    }

    /// <summary>Waits for the sample to close its side; nothing else may come before.</summary>
    public async Task ExpectEndAsync(Socket socket) => Assert.Equal(0, await socket.ReceiveAsync(new byte[1], _deadline.Token));

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
        _deadline.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int kill(int process, int signal);
}
