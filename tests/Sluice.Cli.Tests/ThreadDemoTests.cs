using System.Diagnostics;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class ThreadDemoTests
{
    private const string Reply = "这是从服务端线程中发出的消息";

    [Theory]
    [InlineData("zh", "开始监听状态...", "接收到连接: ", "从客户端接收到的请求: ")]
    [InlineData("en", "listening...", "connection from: ", "request from the client: ")]
    public async Task The_tutorial_s_request_is_answered_and_the_tutorial_s_lines_are_printed(string language, string opens, string from, string asks)
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "thread", "--port", "0", "--lang", language);
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        client.Send("ls -al /home/wxh\n");

        Assert.Equal([opens, $"{from}('127.0.0.1', {client.Port})", $"{asks}ls -al /home/wxh"], await sluice.LinesAsync(3));
        Assert.StartsWith("[sluice] thread ", await sluice.LineAsync(), StringComparison.Ordinal);
        Assert.True(client.IsSilentFor(500)); // it works for a second
        Assert.Equal(System.Text.Encoding.UTF8.GetBytes(Reply), client.ReceiveToEnd());
    }

    [Theory]
    [InlineData("thread")]
    [InlineData("async")]
    public async Task Twenty_clients_of_a_second_each_are_answered_within_two_and_a_half(string model)
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "thread", "--port", "0", "--model", model);
        await using SluiceProcess _ = sluice;
        const string Clients = """
            import socket, sys, threading
            def ask(i):
                s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
                s.sendall(b'ls -al /home/wxh\n')
                answers[i] = s.recv(1024)
                assert s.recv(1024) == b''
                s.close()
            answers = [None] * 20
            threads = [threading.Thread(target=ask, args=(i,)) for i in range(20)]
            for t in threads: t.start()
            for t in threads: t.join()
            print(sum(a.decode() == '这是从服务端线程中发出的消息' for a in answers))
            """;
        long began = Stopwatch.GetTimestamp();

        Assert.Equal("20\n", await Python.RunAsync(Clients, [$"{port}"]));
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(2.5));
    }

    [Theory]
    [InlineData("\n", "")]
    [InlineData(" \t\r\n", "")]
    [InlineData("  who \v\f\r\nnext", "who")]
    [InlineData("no line end", "no line end")]
    [InlineData("", "")]
    public async Task One_line_is_read_and_stripped_and_an_empty_one_gets_no_reply(string sent, string request)
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "thread", "--port", "0", "--lang", "zh");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        client.Send(sent);
        client.Finish();

        Assert.Equal(request.Length == 0 ? [] : System.Text.Encoding.UTF8.GetBytes(Reply), client.ReceiveToEnd());
        Assert.Equal($"从客户端接收到的请求: {request}", (await sluice.LinesAsync(3))[2]);
    }

    [Fact]
    public async Task Our_client_prints_the_answer_bare()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "thread", "--port", "0");
        await using SluiceProcess _ = sluice;

        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["demo", "thread", "--client", "--port", $"{port}"]);

        Assert.Equal((0, Reply, ""), (code, printed, errors));
        Assert.Equal("request from the client: ls -al /home/wxh", (await sluice.LinesAsync(3))[2]);
    }
}
