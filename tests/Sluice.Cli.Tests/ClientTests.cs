using System.Diagnostics;
using System.Globalization;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class ClientTests
{
    // A server of somebody else: answers so many messages with its second argument, then closes.
    private const string Server = """
        import socket, sys
        l = socket.socket()
        l.bind(('127.0.0.1', 0)); l.listen()
        print(l.getsockname()[1])
        c, _ = l.accept()
        for i in range(int(sys.argv[1])):
            m = c.recv(1024)
            print(m)
            if not m: break
            c.sendall(sys.argv[2].encode())
        c.close()
        """;

    [Fact]
    public async Task Select_s_client_asks_four_times()
    {
        using Process server = Python.Start(Server, ["4", "first received data: b'HELLO 1'"]);
        string port = (await server.StandardOutput.ReadLineAsync())!;

        (int code, string printed, _) = await SluiceProcess.RunAsync(["demo", "select", "--client", "--port", port], input: "hello 1\nhello 2\nhello 3\nhello 4\n");

        Assert.Equal(0, code);
        Assert.Equal(string.Join('\n', Enumerable.Repeat("send to the server:received from the server: first received data: b'HELLO 1'", 4)), printed);
        Assert.Equal("b'hello 1'\nb'hello 2'\nb'hello 3'\nb'hello 4'\n", await server.StandardOutput.ReadToEndAsync());
    }

    [Fact]
    public async Task Process_s_client_sends_the_tutorial_s_request_after_two_seconds()
    {
        using Process server = Python.Start(Server, ["1", "这是从服务端进程中发出的消息"]);
        string port = (await server.StandardOutput.ReadLineAsync())!;
        long began = Stopwatch.GetTimestamp();

        (int code, string printed, _) = await SluiceProcess.RunAsync(["demo", "process", "--client", "--port", port]);

        Assert.Equal((0, "这是从服务端进程中发出的消息"), (code, printed));
        Assert.True(Stopwatch.GetElapsedTime(began) >= TimeSpan.FromSeconds(2));
        Assert.Equal("b'ls -al /home/wxh\\n'\n", await server.StandardOutput.ReadToEndAsync());
    }

    [Fact]
    public async Task Connect_sends_lines_and_prints_answers()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "upper", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;

        Assert.Equal((0, "ONE\nTWO", ""), await SluiceProcess.RunAsync(["connect", $"tcp://127.0.0.1:{port}"], input: "one\n\ntwo"));
        Assert.Equal((0, "ONE", ""), await SluiceProcess.RunAsync(["connect", $"tcp://127.0.0.1:{port}", "--times", "1"], input: "one\ntwo\n"));
        Assert.Equal((0, "ONE\n\nTWO", ""), await SluiceProcess.RunAsync(["connect", $"tcp://127.0.0.1:{port}", "--line"], input: "one\n\ntwo\n"));
    }

    [Fact]
    public async Task Connect_with_line_waits_for_the_whole_line()
    {
        const string Slow = """
            import socket, time
            l = socket.socket()
            l.bind(('127.0.0.1', 0)); l.listen()
            print(l.getsockname()[1])
            c, _ = l.accept()
            c.recv(1024)
            c.sendall(b'par'); time.sleep(0.3); c.sendall(b'ts\nmore')
            """;
        using Process server = Python.Start(Slow, []);
        int port = int.Parse((await server.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);

        Assert.Equal((0, "parts", ""), await SluiceProcess.RunAsync(["connect", $"tcp://127.0.0.1:{port}", "--line", "--times", "1"], input: "x\n"));
    }

    [Fact]
    public async Task A_server_that_closes_without_an_answer_is_one_line_and_exit_1()
    {
        using Process server = Python.Start(Server, ["0", ""]);
        string port = (await server.StandardOutput.ReadLineAsync())!;

        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["connect", $"tcp://127.0.0.1:{port}"], input: "x\n");

        Assert.Equal((1, ""), (code, printed));
        Assert.Matches("^sluice: SLU0[0-9]+ [^\n]*closed the connection[^\n]*\n$", errors);
    }
}
