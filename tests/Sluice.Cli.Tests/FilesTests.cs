using System.Text.Json;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class FilesTests
{
    // The tutorial's sender: header 36sl, then the content, file after file over one connection.
    private const string Sender = """
        import os, socket, struct, sys
        s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
        print(s.getsockname()[1])
        for p in sys.argv[2:]:
            s.sendall(struct.pack('36sl', os.path.basename(p).encode(), os.stat(p).st_size))
            with open(p, 'rb') as f: s.sendall(f.read())
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
        """;

    [Theory]
    [InlineData("zh", "开始进入监听状态", "文件名称: {0} , 文件大小: {1}", "开始传输文件内容")]
    [InlineData("en", "waiting for a connection", "file name: {0} , file size: {1}", "receiving the content")]
    public async Task Demo_files_receives_from_the_tutorial_s_sender_and_prints_the_tutorial_s_lines(string language, string waits, string named, string receiving)
    {
        using var directory = new TemporaryDirectory();
        string a = directory.File("a.bin", "hello");
        string b = directory.File("b.bin");
        Directory.CreateDirectory(directory.Of("in"));
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "files", "--port", "0", "--lang", language, "--dir", directory.Of("in"));
        await using SluiceProcess _ = sluice;

        string from = (await Python.RunAsync(Sender, [$"{port}", a, b])).Trim();

        Assert.Equal("hello", await File.ReadAllTextAsync(directory.Of("in/a.bin")));
        Assert.Equal("", await File.ReadAllTextAsync(directory.Of("in/b.bin")));
        string[] lines = await sluice.LinesAsync(11);
        string[] expected =
        [
            $"Connected by  ('127.0.0.1', {from})",
            "****filename: a.bin", string.Format(null, named, directory.Of("in/a.bin"), 5), receiving, "receive done",
            "****filename: b.bin", string.Format(null, named, directory.Of("in/b.bin"), 0), receiving, "receive done",
        ];
        Assert.Equal(waits, lines[0]);
        Assert.Equal(2, lines.Count(line => line == waits)); // the second as soon as the sender has a thread of its own
        Assert.Equal(expected, lines.Where(line => line != waits), StringComparer.Ordinal);
    }

    [Fact]
    public async Task Demo_files_makes_its_default_directory()
    {
        using var directory = new TemporaryDirectory();
        await using SluiceProcess sluice = SluiceProcess.Start(["demo", "files", "--port", "0"], directory: directory.Path);
        int port = SluiceProcess.PortOf(await sluice.LineAsync());

        await Python.RunAsync(Sender, [$"{port}", directory.File("a.bin", "hello")]);

        Assert.Equal("hello", await File.ReadAllTextAsync(directory.Of("received/a.bin")));
    }

    [Fact]
    public async Task Demo_files_client_asks_and_sends_over_one_connection()
    {
        using var directory = new TemporaryDirectory();
        string a = directory.File("a.bin", "hello");
        string b = directory.File("b.bin", "world!");
        Directory.CreateDirectory(directory.Of("in"));
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "files", "--port", "0", "--dir", directory.Of("in"));
        await using SluiceProcess _ = sluice;

        (int code, string printed, string errors) = await SluiceProcess.RunAsync(
            ["demo", "files", "--client", "--port", $"{port}", "--lang", "zh"], input: $"{a}\n/no/such/file\n\n{b}\n");

        Assert.Equal((0, ""), (code, errors));
        const string Prompt = "请输入要传输的文件绝对路径:";
        Assert.Equal($"{Prompt}文件路径: {a}\n传输成功\n{Prompt}{Prompt}{Prompt}文件路径: {b}\n传输成功\n{Prompt}", printed);
        Assert.Equal("world!", await File.ReadAllTextAsync(directory.Of("in/b.bin")));
        Assert.Single(await sluice.LinesAsync(11), line => line.StartsWith("Connected by", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("thread")]
    [InlineData("async")]
    public async Task Send_and_receive_bring_files_over_over_every_transport(string model)
    {
        using var directory = new TemporaryDirectory();
        byte[] content = new byte[3_000_000];
        new Random(5).NextBytes(content);
        await File.WriteAllBytesAsync(directory.Of("big.bin"), content);
        string small = directory.File("small.txt", "hi");
        Directory.CreateDirectory(directory.Of("in"));
        string unix = $"unix://{directory.Of("r.sock")}";
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync(
            "receive", directory.Of("in"), "--v1", "--model", model, "--listen", "tcp://127.0.0.1:0", "--listen", unix);
        await using SluiceProcess _ = sluice;
        await sluice.LineAsync();

        foreach (string url in new[] { $"tcp://127.0.0.1:{port}", unix })
        {
            (int code, string printed, string errors) = await SluiceProcess.RunAsync(["send", "--v1", url, directory.Of("big.bin"), small]);

            Assert.Equal((0, ""), (code, errors));
            Assert.Equal($"[sluice] sent {directory.Of("big.bin")}\n[sluice] sent {small}", printed);
            Assert.Equal(content, await File.ReadAllBytesAsync(directory.Of("in/big.bin")));
            Assert.StartsWith($"[sluice] received {directory.Of("in")}/big.bin (3000000 bytes) from ", await sluice.LineAsync(), StringComparison.Ordinal);
            Assert.StartsWith($"[sluice] received {directory.Of("in")}/small.txt (2 bytes) from ", await sluice.LineAsync(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Receive_says_files_as_JSON_and_refusals_on_stderr()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory.Of("in"));
        (SluiceProcess sluice, int port) = await ServeJsonAsync("receive", directory.Of("in"), "--v1", "--json", "--max-file-size", "1KiB", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess running = sluice;

        (int code, string printed, _) = await SluiceProcess.RunAsync(["send", "--v1", $"tcp://127.0.0.1:{port}", directory.File("a.txt", "hello")]);
        Assert.Equal((0, $"[sluice] sent {directory.Of("a.txt")}"), (code, printed));
        JsonElement received = JsonDocument.Parse(await sluice.LineAsync()).RootElement;
        Assert.Equal("received", received.GetProperty("event").GetString());
        Assert.Equal(directory.Of("in/a.txt"), received.GetProperty("path").GetString());
        Assert.Equal(5, received.GetProperty("size").GetInt64());

        (code, _, string errors) = await SluiceProcess.RunAsync(["send", "--v1", $"tcp://127.0.0.1:{port}", directory.File("large.txt", new string('x', 2000))]);
        Assert.Equal(1, code);
        Assert.StartsWith("sluice: SLU0414 ", errors, StringComparison.Ordinal);
        await sluice.ErrorSaysAsync("SLU0403");
    }

    [Fact]
    public async Task A_name_that_does_not_fit_the_header_is_refused_before_anything_is_sent()
    {
        using var directory = new TemporaryDirectory();

        (int code, _, string errors) = await SluiceProcess.RunAsync(["send", "--v1", "tcp://127.0.0.1:1", directory.File(new string('n', 37))]);

        Assert.Equal(1, code);
        Assert.StartsWith("sluice: SLU0412 ", errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_sender_may_rest_between_two_files_but_not_inside_one()
    {
        using var directory = new TemporaryDirectory();
        Directory.CreateDirectory(directory.Of("in"));
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("receive", directory.Of("in"), "--v1", "--idle-timeout", "300ms", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        const string Rests = """
            import socket, struct, sys, time
            s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
            s.sendall(struct.pack('36sl', b'a', 1) + b'x')
            time.sleep(1.2)
            s.sendall(struct.pack('36sl', b'b', 1) + b'y')
            s.sendall(struct.pack('36sl', b'c', 5) + b'half')
            try: print(s.recv(1))
            except ConnectionResetError: print(b'')
            """;

        Assert.Equal("b''\n", await Python.RunAsync(Rests, [$"{port}"]));
        Assert.Equal("y", await File.ReadAllTextAsync(directory.Of("in/b")));
        await sluice.ErrorSaysAsync("SLU0407");
        Assert.Contains("4 of 5 bytes", sluice.Errors, StringComparison.Ordinal);
    }

    private static async Task<(SluiceProcess Sluice, int Port)> ServeJsonAsync(params string[] arguments)
    {
        SluiceProcess sluice = SluiceProcess.Start(arguments);
        string url = JsonDocument.Parse(await sluice.LineAsync()).RootElement.GetProperty("url").GetString()!;
        return (sluice, new Uri(url).Port);
    }
}
