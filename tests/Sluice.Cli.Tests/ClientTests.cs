using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
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
    public async Task An_answer_that_comes_too_late_is_not_taken_for_the_next_line_s()
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)SluiceProcess.Patience.TotalMilliseconds };
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using SluiceProcess client = SluiceProcess.Start(["connect", $"udp://{server.LocalEndPoint}", "--timeout", "2s"]);
        byte[] line = new byte[100];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);

        await client.Input.WriteAsync("one\n");
        Assert.Equal("one"u8.ToArray(), line[..server.ReceiveFrom(line, ref from)]);
        await client.ErrorSaysAsync("SLU0609");
        server.SendTo([], from);
        server.SendTo("late"u8, from);
        await client.Input.WriteAsync("two\n");
        Assert.Equal("two"u8.ToArray(), line[..server.ReceiveFrom(line, ref from)]);
        server.SendTo("in time"u8, from);

        Assert.Equal("in time", await client.LineAsync());
        client.Input.Close();
        Assert.Equal(1, await client.EndAsync());
    }

    [Fact]
    public async Task A_Unix_server_that_is_full_gives_no_answer()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Of("full.sock");
        using var server = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        server.Bind(new UnixDomainSocketEndPoint(path));
        List<Socket> senders = [];
        try
        {
            // Until nobody's first one has room: what one may send has a limit of its own.
            int sent;
            do
            {
                var sender = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
                senders.Add(sender);
                sender.Connect(new UnixDomainSocketEndPoint(path));
                sender.Blocking = false;
                SocketError error = SocketError.Success;
                for (sent = 0; error == SocketError.Success; sent++)
                {
                    sender.Send("full"u8, SocketFlags.None, out error);
                }

                Assert.Equal(SocketError.WouldBlock, error);
            }
            while (sent > 1);

            (int code, string printed, string errors) = await SluiceProcess.RunAsync(["connect", $"unixgram://{path}", "--timeout", "200ms"], input: "one\ntwo\n");

            Assert.Equal((1, ""), (code, printed));
            Assert.Equal(2, errors.Split("SLU0609").Length - 1);
        }
        finally
        {
            senders.ForEach(sender => sender.Dispose());
        }
    }

    [Fact]
    public async Task A_datagram_that_the_system_refuses_is_one_line_and_exit_1()
    {
        // Its answer is the last thing it takes part in: then it is connected to somebody else.
        const string Leaving = """
            import socket, sys
            s, other = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
            s.bind(sys.argv[1])
            other.bind(sys.argv[1] + '.other')
            print('ready', flush=True)
            line, client = s.recvfrom(100)
            s.connect(sys.argv[1] + '.other')
            s.sendto(line, client)
            sys.stdin.read()
            """;
        using var directory = new TemporaryDirectory();
        string path = directory.Of("leaving.sock");
        using Process server = Python.Start(Leaving, [path]);
        Assert.Equal("ready", await server.StandardOutput.ReadLineAsync());

        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["connect", $"unixgram://{path}"], input: "one\ntwo\n");

        Assert.Equal((1, "one"), (code, printed));
        Assert.Matches("^sluice: SLU0501 cannot talk to unixgram://[^\n]*\n$", errors);
        server.StandardInput.Close();
        await server.WaitForExitAsync();
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
