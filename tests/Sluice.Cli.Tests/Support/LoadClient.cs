using System.Diagnostics;
using System.Globalization;

namespace Sluice.Cli.Tests.Support;

/// <summary>Clients that connect again and again, a request and its whole answer each, and count what goes wrong.</summary>
internal sealed class LoadClient : IDisposable
{
    private const string Script = """
        import socket, sys, threading, time
        family, address, threads, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
        family, address = (socket.AF_INET, ("127.0.0.1", int(address))) if family == "tcp" else (socket.AF_UNIX, address)
        stop, counts, errors = threading.Event(), [0] * threads, []

        def client(number):
            while not stop.is_set():
                message = b"request %d of %d\n" % (counts[number], number)
                try:
                    with socket.socket(family, socket.SOCK_STREAM) as server:
                        server.settimeout(30)
                        server.connect(address)
                        server.sendall(message)
                        server.shutdown(socket.SHUT_WR)
                        answer = b""
                        while piece := server.recv(100):
                            answer += piece
                    if answer == message:
                        counts[number] += 1
                    else:
                        errors.append(f"asked {message}, got {answer}")
                except OSError as error:
                    errors.append(f"{message}: {error!r}")
                time.sleep(pause)

        clients = [threading.Thread(target=client, args=(number,)) for number in range(threads)]
        for one in clients: one.start()
        while sum(counts) < threads and not errors: time.sleep(0.01)
        print("begun", flush=True)
        sys.stdin.readline()
        stop.set()
        for one in clients: one.join()
        print(sum(counts), len(errors), " | ".join(errors[:5]), flush=True)
        """;

    private readonly Process _python;

    private LoadClient(Process python) => _python = python;

    /// <summary>Starts clients of a port, or of a Unix socket's path, and returns when each has had an answer.</summary>
    public static async Task<LoadClient> StartAsync(string address, int clients, TimeSpan pause)
    {
        string family = address.StartsWith('/') ? "unix" : "tcp";
        var load = new LoadClient(Python.Start(Script, [family, address, clients.ToString(CultureInfo.InvariantCulture), pause.TotalSeconds.ToString(CultureInfo.InvariantCulture)]));
        Assert.Equal("begun", await load.LineAsync());
        return load;
    }

    /// <summary>Ends the load, and gives how many requests were answered and what went wrong.</summary>
    public async Task<(int Answered, string Wrong)> EndAsync()
    {
        await _python.StandardInput.WriteLineAsync();
        await _python.StandardInput.FlushAsync();
        string[] words = (await LineAsync())!.Split(' ', 3);
        return (int.Parse(words[0], CultureInfo.InvariantCulture), words[1] == "0" ? "" : $"{words[1]}: {words[2]}");
    }

    public void Dispose()
    {
        if (!_python.HasExited)
        {
            _python.Kill();
        }

        _python.Dispose();
    }

    private async Task<string?> LineAsync() => await _python.StandardOutput.ReadLineAsync().WaitAsync(2 * SluiceProcess.Patience);
}
