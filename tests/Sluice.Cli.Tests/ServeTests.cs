using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class ServeTests
{
    [Theory]
    [InlineData("iterative")]
    [InlineData("thread")]
    [InlineData("threadpool")]
    [InlineData("async")]
    [InlineData("select")]
    [InlineData("poll")]
    [InlineData("epoll")]
    [InlineData("io_uring")]
    public async Task Echo_answers_over_TCP_and_Unix_sockets_under_every_model(string model)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Of("echo.sock");
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "echo", "--model", model, "--listen", "tcp://127.0.0.1:0", "--listen", $"unix://{path}");
        await using SluiceProcess _ = sluice;
        Assert.Equal($"listening unix://{path} model={model} pid={sluice.Process.Id}", await sluice.LineAsync());

        byte[] sent = new byte[200_000];
        new Random(7).NextBytes(sent);
        foreach (Func<RawClient> connect in new[] { () => RawClient.Connect(port), () => RawClient.Connect(path) })
        {
            using RawClient client = connect();
            Task sending = Task.Run(() =>
            {
                client.Send(sent);
                client.Finish();
            });
            Assert.Equal(sent, client.ReceiveToEnd());
            await sending;
        }

        Assert.Equal(0, await sluice.StopAsync());
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task A_Unix_socket_has_its_mode_and_serves_the_users_it_is_told()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Of("echo.sock");
        string user = File.ReadLines("/proc/self/status").First(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[2];
        foreach (string allowed in (string[])[$"root,{user}", "4294967294"])
        {
            await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", "--listen", $"unix://{path}", "--socket-mode", "0600", "--allow-user", allowed]);
            await sluice.LineAsync();
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, new FileInfo(path).UnixFileMode);
            using RawClient client = RawClient.Connect(path);
            if (allowed.EndsWith(user, StringComparison.Ordinal))
            {
                client.Send("hello");
                client.Finish();
                Assert.Equal("hello"u8.ToArray(), client.ReceiveToEnd());
            }
            else
            {
                Assert.Empty(client.ReceiveToEnd());
                await sluice.ErrorSaysAsync("UserNotAllowed");
            }

            Assert.Equal(0, await sluice.StopAsync());
        }
    }

    [Fact]
    public async Task The_listening_line_names_the_model_that_auto_stands_for()
    {
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", "--listen", "tcp://127.0.0.1:0"]);

        Assert.Matches($"^listening tcp://127\\.0\\.0\\.1:[1-9][0-9]* model=(io_uring|epoll) pid={sluice.Process.Id}$", await sluice.LineAsync());
    }

    [Fact]
    public async Task An_address_can_have_a_model_of_its_own()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "echo", "--model", "thread", "--listen", "tcp://127.0.0.1:0", "--listen", "udp://127.0.0.1:0?model=epoll");
        await using SluiceProcess _ = sluice;
        string line = await sluice.LineAsync();
        Assert.Matches($"^listening udp://127\\.0\\.0\\.1:[1-9][0-9]* model=epoll pid={sluice.Process.Id}$", line);

        using RawClient stream = RawClient.Connect(port);
        stream.Send("over TCP");
        Assert.Equal("over TCP", stream.ReceiveText(8));
        using var datagrams = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = (int)SluiceProcess.Patience.TotalMilliseconds };
        datagrams.Connect(IPEndPoint.Parse(line.Split(' ')[1]["udp://".Length..]));
        datagrams.Send("over UDP"u8);
        byte[] answer = new byte[100];
        Assert.Equal("over UDP"u8.ToArray(), answer[..datagrams.Receive(answer)]);

        Assert.Equal(0, await sluice.StopAsync());
    }

    [Fact]
    public async Task The_listening_line_names_each_model()
    {
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", "--model", "thread", "--listen", "tcp://127.0.0.1:0", "--listen", "tcp://127.0.0.1:0?model=async"]);

        Assert.Contains(" model=thread ", await sluice.LineAsync(), StringComparison.Ordinal);
        Assert.Contains(" model=async ", await sluice.LineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_listening_line_can_be_JSON()
    {
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", "--listen", "tcp://127.0.0.1:0", "--model", "thread", "--json"]);

        JsonElement line = JsonDocument.Parse(await sluice.LineAsync()).RootElement;

        Assert.Equal("listening", line.GetProperty("event").GetString());
        Assert.StartsWith("tcp://127.0.0.1:", line.GetProperty("url").GetString(), StringComparison.Ordinal);
        Assert.Equal("thread", line.GetProperty("model").GetString());
        Assert.Equal(sluice.Process.Id, line.GetProperty("pid").GetInt32());
    }

    [Fact]
    public async Task Upper_answers_in_upper_case_ASCII_only()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "upper", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        byte[] all = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];

        client.Send(all);

        Assert.Equal(all.Select(value => value is >= 97 and <= 122 ? (byte)(value - 32) : value), client.Receive(256));
    }

    [Fact]
    public async Task Discard_answers_nothing_and_closes_after_the_client()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "discard", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        client.Send(new byte[100_000]);
        client.Finish();

        Assert.Empty(client.ReceiveToEnd());
    }

    [Fact]
    public async Task Chargen_sends_the_lines_of_RFC_864_until_the_client_leaves()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "chargen", "--model", "iterative", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        for (int i = 0; i < 2; i++)
        {
            using RawClient client = RawClient.Connect(port); // the second is served once the first has left
            string[] lines = client.ReceiveText(96 * 74).Split("\r\n");
            Assert.Equal(" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg", lines[0]);
            Assert.Equal("!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh", lines[1]);
            Assert.Equal(lines[0], lines[95]);
        }
    }

    [Fact]
    public async Task Daytime_says_the_time_in_one_line_and_closes()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "daytime", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        string line = Encoding.ASCII.GetString(client.ReceiveToEnd());

        Assert.EndsWith("-UTC\r\n", line, StringComparison.Ordinal);
        Assert.True(DateTime.TryParseExact(line[..^6], "dddd, MMMM d, yyyy HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTime _), line);
    }

    [Fact]
    public async Task Serving_goes_on_when_nobody_reads_what_is_printed()
    {
        // head leaves after the first line, and with it the reader of stdout and stderr.
        using var directory = new TemporaryDirectory();
        string fifo = directory.Of("fifo");
        await Python.RunAsync("import os,sys; os.mkfifo(sys.argv[1])", [fifo]);
        await using SluiceProcess sluice = SluiceProcess.Start(
            ["demo", "iterative", "--port", "0"], wrapper: ["sh", "-c", "exec \"$@\" > \"$0\" 2>&1", fifo]);
        int port;
        using (var reader = new StreamReader(new FileStream(fifo, FileMode.Open, FileAccess.Read)))
        {
            string? line;
            while ((line = await reader.ReadLineAsync().WaitAsync(SluiceProcess.Patience))?.StartsWith("listening", StringComparison.Ordinal) != true)
            {
                Assert.NotNull(line);
            }

            port = SluiceProcess.PortOf(line!);
        }

        for (int i = 0; i < 3; i++)
        {
            using RawClient client = RawClient.Connect(port);
            client.Send("hello");
            Assert.Equal("这是一个循环版多连接服务测试", client.ReceiveText(42));
        }

        Assert.Equal(0, await sluice.StopAsync());
    }

    [Fact]
    public async Task The_maximum_of_connections_is_said_and_kept()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync(
            "serve", "echo", "--model", "thread", "--max-connections", "1", "--on-limit", "refuse", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        await sluice.ErrorSaysAsync("[sluice] at most 1 connections");
        using RawClient first = RawClient.Connect(port);
        first.Send("a");
        Assert.Equal("a", first.ReceiveText(1));

        using RawClient second = RawClient.Connect(port);

        Assert.Equal(0, second.Socket.Receive(new byte[1]));
        await sluice.ErrorSaysAsync("[sluice] warning: SLU0303");
    }

    [Fact]
    public async Task Limits_of_the_command_line_hold()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "echo", "--idle-timeout", "200ms", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        Assert.Empty(client.ReceiveToEnd());
    }
}
