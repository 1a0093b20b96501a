using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class IterativeDemoTests
{
    private const string Reply = "这是一个循环版多连接服务测试";

    // The tutorial's client, with its three messages.
    private const string Client = """
        import socket, sys
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.connect(('127.0.0.1', int(sys.argv[1])))
        print(s.getsockname()[1])
        for i in range(3):
            s.sendall(input().encode('utf-8'))
            print(s.recv(1024).decode('utf-8'))
        s.close()
        """;

    [Theory]
    [InlineData("zh", "开始进入监听状态...", "接收到连接: ", "收到客户端数据: ", "断开客户端连接")]
    [InlineData("en", "waiting for a connection...", "connection from: ", "received from the client: ", "the client has disconnected")]
    public async Task The_tutorial_s_client_is_answered_and_the_tutorial_s_lines_are_printed(string language, string waits, string from, string received, string left)
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "iterative", "--port", "0", "--lang", language);
        await using SluiceProcess _ = sluice;

        string[] client = (await Python.RunAsync(Client, [$"{port}"], "one\n二\nthree\n")).TrimEnd().Split('\n');

        Assert.Equal([Reply, Reply, Reply], client[1..]);
        Assert.Equal([waits, $"{from}('127.0.0.1', {client[0]})", $"{received}one", $"{received}二", $"{received}three", left, waits], await sluice.LinesAsync(7));
        Assert.Equal(0, await sluice.StopAsync());
        Assert.Empty(await sluice.RestAsync());
        Assert.Contains("[sluice] ", sluice.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_second_client_is_answered_only_after_the_first_has_closed()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "iterative", "--port", "0");
        await using SluiceProcess _ = sluice;
        using RawClient first = RawClient.Connect(port);
        first.Send("one");
        Assert.Equal(Reply, first.ReceiveText(42));
        using RawClient second = RawClient.Connect(port);
        second.Send("two");
        Assert.True(second.IsSilentFor(300));

        first.Dispose();

        Assert.Equal(Reply, second.ReceiveText(42));
    }

    [Fact]
    public async Task Bytes_that_are_not_UTF_8_are_shown_as_replacements_and_answered()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "iterative", "--port", "0", "--lang", "zh");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        client.Send([0xFF, 0x41]);

        Assert.Equal(Reply, client.ReceiveText(42));
        Assert.Equal("收到客户端数据: \uFFFDA", (await sluice.LinesAsync(3))[2]);
    }

    [Fact]
    public async Task A_client_that_resets_is_not_said_to_have_disconnected()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "iterative", "--port", "0", "--lang", "zh");
        await using SluiceProcess _ = sluice;
        using (RawClient client = RawClient.Connect(port))
        {
            client.Send("one");
            Assert.Equal(Reply, client.ReceiveText(42));
            client.Socket.LingerState = new(enable: true, seconds: 0);
        }

        Assert.Equal("开始进入监听状态...", (await sluice.LinesAsync(4))[3]);
    }

    [Fact]
    public async Task More_than_1024_bytes_are_as_many_messages_as_recv_1024_would_return()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "iterative", "--port", "0");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        client.Send(new string('x', 3000));
        client.Finish();

        Assert.Equal(0, client.ReceiveToEnd().Length % 42);
        string[] lines = await sluice.LinesAsync(5);
        Assert.Equal($"received from the client: {new string('x', 1024)}", lines[2]);
        Assert.Equal($"received from the client: {new string('x', 1024)}", lines[3]);
    }

    [Fact]
    public async Task Under_the_model_thread_nobody_waits()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "iterative", "--port", "0", "--model", "thread");
        await using SluiceProcess _ = sluice;
        using RawClient first = RawClient.Connect(port);
        using RawClient second = RawClient.Connect(port);

        second.Send("two");

        Assert.Equal(Reply, second.ReceiveText(42));
    }

    [Fact]
    public async Task Our_client_says_and_asks_what_the_tutorial_s_does()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "iterative", "--port", "0");
        await using SluiceProcess _ = sluice;

        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["demo", "iterative", "--client", "--port", $"{port}", "--lang", "zh"], input: "one\n\ntwo\nthree\nfour\n");

        Assert.Equal(0, code);
        Assert.Empty(errors);
        Assert.Equal(
            $"向服务器发送数据:接收到服务器端的数据: {Reply}\n向服务器发送数据:向服务器发送数据:接收到服务器端的数据: {Reply}\n向服务器发送数据:接收到服务器端的数据: {Reply}", printed);
        Assert.Equal(
            ["waiting for a connection...", "received from the client: one", "received from the client: two", "received from the client: three", "the client has disconnected"],
            (await sluice.LinesAsync(6)).Where(line => !line.StartsWith("connection", StringComparison.Ordinal)),
            StringComparer.Ordinal);
    }

    [Fact]
    public async Task The_backlog_is_raised_and_said_unless_given()
    {
        (SluiceProcess raised, _) = await SluiceProcess.ServeAsync("demo", "iterative", "--port", "0");
        await using SluiceProcess first = raised;
        await raised.ErrorSaysAsync("instead of the tutorial's 5");

        (SluiceProcess given, _) = await SluiceProcess.ServeAsync("demo", "iterative", "--port", "0", "--backlog", "5");
        await using SluiceProcess second = given;
        Assert.Equal(0, await given.StopAsync());
        Assert.DoesNotContain("backlog", given.Errors, StringComparison.Ordinal);
    }
}
