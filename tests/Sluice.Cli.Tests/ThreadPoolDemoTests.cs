using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class ThreadPoolDemoTests
{
    [Theory]
    [InlineData("zh", "开始监听状态...", "接收到连接:  ", "当前线程:  ", "客户端[127.0.0.1]请求数据: ", "客户端[127.0.0.1]退出!")]
    [InlineData("en", "listening...", "connection from:  ", "current thread:  ", "client[127.0.0.1] asks: ", "client[127.0.0.1] has left!")]
    public async Task Messages_come_back_in_upper_case_and_the_tutorial_s_lines_are_printed(string language, string opens, string from, string thread, string asks, string left)
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "threadpool", "--port", "0", "--lang", language);
        await using SluiceProcess _ = sluice;
        const string Client = """
            import socket, sys
            s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
            print(s.getsockname()[1])
            for m in (b'ls -al /home/wxh\n', ' héllo ß '.encode(), b'\xff\x61'):
                s.sendall(m)
                print(s.recv(1024))
            s.close()
            """;

        string[] client = (await Python.RunAsync(Client, [$"{port}"])).TrimEnd().Split('\n');

        Assert.Equal([@"b'LS -AL /HOME/WXH'", @"b'H\xc3\xa9LLO \xc3\x9f'", @"b'\xffA'"], client[1..]);
        string[] lines = await sluice.LinesAsync(12);
        string connection = $"{from}('127.0.0.1', {client[0]})";
        Assert.Equal(opens, lines[0]);
        Assert.Equal([connection, connection, connection, connection], new[] { lines[1], lines[4], lines[7], lines[10] });
        Assert.All(new[] { lines[2], lines[5], lines[8], lines[11] }, line => Assert.Matches($@"^{thread}<Thread\(sluice-pool-\d+, started \d+\)>$", line));
        Assert.Equal([$"{asks}ls -al /home/wxh", $"{asks}héllo ß", $"{asks}\uFFFDa", left], [lines[3], lines[6], lines[9], await sluice.LineAsync()]);
    }

    [Fact]
    public async Task White_space_only_ends_the_connection()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "threadpool", "--port", "0", "--lang", "zh");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        client.Send(" \r\n");

        Assert.Empty(client.ReceiveToEnd());
        Assert.Equal("客户端[127.0.0.1]退出!", (await sluice.LinesAsync(4))[3]);
    }

    [Fact]
    public async Task With_four_threads_eight_held_connections_occupy_four()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "threadpool", "--port", "0", "--threads", "4");
        await using SluiceProcess _ = sluice;
        RawClient[] clients = [.. Enumerable.Range(0, 8).Select(_ => RawClient.Connect(port))];
        foreach (RawClient client in clients)
        {
            client.Send("a");
        }

        await Eventually.TrueAsync(() => clients[..4].All(client => client.Socket.Available > 0));
        Assert.True(clients[7].IsSilentFor(300));
        Assert.All(clients[..4], client => Assert.Equal(1, client.Socket.Available));
        Assert.All(clients[4..], client => Assert.Equal(0, client.Socket.Available));
        Assert.Equal(4, Directory.GetDirectories($"/proc/{sluice.Process.Id}/task")
            .Count(thread => File.ReadAllText($"{thread}/comm").StartsWith("sluice-pool", StringComparison.Ordinal)));

        foreach (RawClient client in clients[..4])
        {
            client.Dispose();
        }

        await Eventually.TrueAsync(() => clients[4..].All(client => client.Socket.Available > 0));
        foreach (RawClient client in clients)
        {
            client.Dispose();
        }
    }

    [Fact]
    public async Task The_seventeenth_connection_waits_its_turn()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "threadpool", "--port", "0");
        await using SluiceProcess _ = sluice;
        var clients = new List<RawClient>();
        for (int i = 0; i < 16; i++)
        {
            clients.Add(RawClient.Connect(port));
            clients[i].Send("a");
            Assert.Equal("A", clients[i].ReceiveText(1));
        }

        using RawClient last = RawClient.Connect(port);
        last.Send("b");
        Assert.True(last.IsSilentFor(300));

        clients[0].Dispose();

        Assert.Equal("B", last.ReceiveText(1));
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task Our_client_prints_the_answer_bare()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "threadpool", "--port", "0");
        await using SluiceProcess _ = sluice;

        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["demo", "threadpool", "--client", "--port", $"{port}"]);

        Assert.Equal((0, "LS -AL /HOME/WXH", ""), (code, printed, errors));
    }
}
