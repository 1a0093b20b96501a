using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed partial class SelectDemoTests
{
    private const string Waits = "监听中...";
    private const string Turn = "执行次数:";

    // The tutorial's client, with its four messages.
    private const string Client = """
        import socket, sys
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.connect(('127.0.0.1', int(sys.argv[1])))
        print(s.getsockname()[1])
        for i in range(4):
            s.sendall(input().encode('utf-8'))
            print(s.recv(1024).decode('utf-8'))
        s.close()
        """;

    [Theory]
    [InlineData("zh", Waits, Turn, "r1中的对象: ", "给客户端返回数据: ")]
    [InlineData("en", "listening...", "turns:", "objects in r1: ", "returned to the client: ")]
    public async Task The_tutorial_s_client_is_answered_and_the_tutorial_s_lines_are_printed_each_turn(string language, string waits, string turn, string objects, string returned)
    {
        (SluiceProcess sluice, int port) = await ServeAsync("--lang", language);
        await using SluiceProcess _ = sluice;
        const string Sockets = "[<socket.socket fd=N, family=AddressFamily.AF_INET, type=SocketKind.SOCK_STREAM, proto=0, ";
        string listener = $"{Sockets}laddr=('127.0.0.1', {port})>]";
        using Process client = Python.Start(Client, [$"{port}"]);
        string connection = $"{Sockets}laddr=('127.0.0.1', {port}), raddr=('127.0.0.1', {await client.StandardOutput.ReadLineAsync()})>]";
        await ExpectAsync([waits, .. OneTurn(1, watched: 1, listener)]);

        // A person types: each message comes when the server waits again.
        await AskAsync(2, "hello 1", "first received data: b'HELLO 1'", "first responsed data: HELLO 1");
        await AskAsync(3, "hello 2", "else received data: b'HELLO 2'", "else responsed data: HELLO 2");
        await AskAsync(4, "hello 3", "else received data: b'HELLO 3'", "else responsed data: HELLO 3");
        await AskAsync(5, "bye 四", @"else received data: b'BYE \xe5\x9b\x9b'", "else responsed data: BYE 四");

        await ExpectAsync(OneTurn(6, watched: 2, connection)); // the client's end, which nobody answers
        await client.WaitForExitAsync().WaitAsync(SluiceProcess.Patience);
        Assert.Equal(0, client.ExitCode);
        Assert.Equal(0, await sluice.StopAsync());
        Assert.Empty(await sluice.RestAsync());

        async Task AskAsync(int number, string message, string answer, string says)
        {
            await client.StandardInput.WriteLineAsync(message);
            await client.StandardInput.FlushAsync();
            Assert.Equal(answer, await client.StandardOutput.ReadLineAsync().WaitAsync(SluiceProcess.Patience));
            string[] turnLines = OneTurn(number, watched: 2, connection);
            await ExpectAsync([.. turnLines[..^1], $"{returned}{says}", turnLines[^1]]);
        }

        async Task ExpectAsync(string[] expected) =>
            Assert.Equal(expected, (await sluice.LinesAsync(expected.Length)).Select(line => Descriptor().Replace(line, "fd=N")), StringComparer.Ordinal);

        string[] OneTurn(int number, int watched, string ready) =>
            [$"{turn}{number}", "rl's length is: 1", $"r_list's length: {watched}", $"{objects}{ready}", waits];
    }

    [Fact]
    public async Task The_reply_is_what_Python_s_repr_makes_of_the_upper_cased_bytes()
    {
        (SluiceProcess sluice, int port) = await ServeAsync();
        await using SluiceProcess _ = sluice;
        const string Compare = """
            import socket, sys
            s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
            which = 'first'
            for m in (bytes(range(128)), bytes(range(128, 256)), b"it's", b'say "a"', b'\'"', b'\\x', 'é二'.encode(), b'\xff\x61'):
                s.sendall(m)
                answer = s.recv(1024).decode('ascii')
                assert answer == f'{which} received data: {m.upper()!r}', (m, answer)
                which = 'else'
            """;

        await Python.RunAsync(Compare, [$"{port}"]);

        await UntilAsync(sluice, line => line == "给客户端返回数据: else responsed data: \uFFFDA");
    }

    [Fact]
    public async Task A_message_of_more_than_200_bytes_is_answered_by_pieces_as_recv_200_would_return_them()
    {
        (SluiceProcess sluice, int port) = await ServeAsync();
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        client.Send(new string('x', 450));

        string all = $"first received data: b'{new string('X', 200)}'else received data: b'{new string('X', 200)}'else received data: b'{new string('X', 50)}'";
        Assert.Equal(all, client.ReceiveText(all.Length));
    }

    [Fact]
    public async Task A_client_that_says_nothing_blocks_nobody()
    {
        (SluiceProcess sluice, int port) = await ServeAsync();
        await using SluiceProcess _ = sluice;
        using RawClient silent = RawClient.Connect(port);
        using RawClient second = RawClient.Connect(port);

        Ask(second, "a", "first received data: b'A'");

        Ask(silent, "b", "first received data: b'B'");
    }

    [Fact]
    public async Task A_client_that_has_only_shut_down_its_sending_side_does_not_spin_the_loop()
    {
        (SluiceProcess sluice, int port) = await ServeAsync();
        await using SluiceProcess _ = sluice;
        using RawClient half = RawClient.Connect(port);
        Ask(half, "a", "first received data: b'A'");
        half.Finish();
        Assert.Empty(half.ReceiveToEnd());

        // The original would turn tens of thousands of times in this while. The half-closed client's socket stays open.
        using RawClient other = RawClient.Connect(port);
        Assert.True(other.IsSilentFor(300));
        Ask(other, "b", "first received data: b'B'");

        string[] lines = await UntilAsync(sluice, line => line.EndsWith("first responsed data: B", StringComparison.Ordinal));
        Assert.InRange(Turns(lines), 4, 8);
    }

    [Fact]
    public async Task A_client_that_resets_ends_alone_and_the_others_are_answered()
    {
        (SluiceProcess sluice, int port) = await ServeAsync();
        await using SluiceProcess _ = sluice;
        using RawClient stays = RawClient.Connect(port);
        Ask(stays, "a", "first received data: b'A'");
        using (RawClient resets = RawClient.Connect(port))
        {
            Ask(resets, "r", "first received data: b'R'");
            resets.Socket.LingerState = new(enable: true, seconds: 0);
        }

        Ask(stays, "b", "else received data: b'B'");
        using RawClient comes = RawClient.Connect(port);
        Ask(comes, "c", "first received data: b'C'");
        Ask(stays, "d", "else received data: b'D'");

        string[] lines = await UntilAsync(sluice, line => line.EndsWith("else responsed data: D", StringComparison.Ordinal));
        Assert.InRange(Turns(lines), 6, 16);
        Assert.Equal("r_list's length: 3", lines.Last(line => line.StartsWith("r_list", StringComparison.Ordinal))); // the listener and the two that are there
        Assert.DoesNotContain("SLU0208", sluice.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_turn_without_anything_ends_after_ten_seconds()
    {
        (SluiceProcess sluice, _) = await ServeAsync();
        await using SluiceProcess __ = sluice;
        Assert.Equal(Waits, await sluice.LineAsync());
        long began = Environment.TickCount64;

        Assert.Equal([$"{Turn}1", "rl's length is: 0", "r_list's length: 1", "r1中的对象: []", Waits], await sluice.LinesAsync(5));

        Assert.InRange(Environment.TickCount64 - began, 9_000, 20_000);
    }

    [Theory]
    [InlineData("poll")]
    [InlineData("epoll")]
    [InlineData("io_uring")]
    public async Task Another_loop_prints_the_same_with_its_own_counts(string model)
    {
        (SluiceProcess sluice, int port) = await ServeAsync("--model", model);
        await using SluiceProcess _ = sluice;

        string[] client = (await Python.RunAsync(Client, [$"{port}"], "hello 1\nhello 2\nhello 3\nhello 4\n")).TrimEnd().Split('\n');

        Assert.Equal(["first received data: b'HELLO 1'", .. Enumerable.Range(2, 3).Select(number => $"else received data: b'HELLO {number}'")], client[1..]);
        string[] lines = await UntilAsync(sluice, line => line.EndsWith("HELLO 4", StringComparison.Ordinal));
        Assert.Equal(
            ["first responsed data: HELLO 1", "else responsed data: HELLO 2", "else responsed data: HELLO 3", "else responsed data: HELLO 4"],
            lines.Where(line => line.StartsWith("给客户端返回数据: ", StringComparison.Ordinal)).Select(line => line["给客户端返回数据: ".Length..]), StringComparer.Ordinal);
        AssertWholeTurns([.. lines.Where(line => !line.StartsWith("给客户端", StringComparison.Ordinal))]);
    }

    [Fact]
    public async Task Under_load_every_turn_is_printed_whole_and_in_order()
    {
        (SluiceProcess sluice, int port) = await ServeAsync();
        await using SluiceProcess _ = sluice;
        const string Load = """
            import socket, sys
            all = [socket.create_connection(('127.0.0.1', int(sys.argv[1]))) for i in range(20)]
            for turn in range(20):
                for s in all: s.sendall(b'x')
                for s in all: assert s.recv(1024).endswith(b"received data: b'X'")
            for s in all: s.close()
            last = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
            last.sendall(b'last')
            last.recv(1024)
            """;

        await Python.RunAsync(Load, [$"{port}"]);

        string[] lines = await UntilAsync(sluice, line => line.EndsWith("first responsed data: LAST", StringComparison.Ordinal));
        string[] replies = [.. lines.Where(line => line.StartsWith("给客户端", StringComparison.Ordinal))];
        Assert.Equal((401, 21), (replies.Length, replies.Count(line => line.Contains("first", StringComparison.Ordinal))));
        AssertWholeTurns([.. lines.Where(line => !line.StartsWith("给客户端", StringComparison.Ordinal))]);
    }

    [Fact]
    public async Task Without_a_loop_the_replies_are_the_same_and_it_is_said_that_there_are_no_turns()
    {
        (SluiceProcess sluice, int port) = await ServeAsync("--model", "thread");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        Ask(client, "one", "first received data: b'ONE'");
        Ask(client, "two", "else received data: b'TWO'");

        Assert.Equal(["给客户端返回数据: first responsed data: ONE", "给客户端返回数据: else responsed data: TWO"], await sluice.LinesAsync(2));
        await sluice.ErrorSaysAsync("[sluice] 模型 thread 没有事件循环");
    }

    [Fact]
    public async Task Our_client_says_and_asks_what_the_tutorial_s_does()
    {
        (SluiceProcess sluice, int port) = await ServeAsync();
        await using SluiceProcess _ = sluice;

        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["demo", "select", "--client", "--port", $"{port}", "--lang", "zh"], input: "hello 1\nhello 2\nhello 3\nhello 4\nmore\n");

        Assert.Equal((0, ""), (code, errors));
        Assert.Equal(
            "向服务器发送数据:接收到服务器端的数据: first received data: b'HELLO 1'\n"
            + string.Join('\n', Enumerable.Range(2, 3).Select(number => $"向服务器发送数据:接收到服务器端的数据: else received data: b'HELLO {number}'")), printed);
    }

    [Fact]
    public async Task As_many_loops_wait_as_were_asked_for()
    {
        (SluiceProcess one, _) = await ServeAsync();
        await using SluiceProcess first = one;
        (SluiceProcess three, int port) = await ServeAsync("--model", "epoll", "--loops", "3");
        await using SluiceProcess second = three;

        Assert.Equal(Waits, await one.LineAsync());
        Assert.Equal([Waits, Waits, Waits], await three.LinesAsync(3));
        using RawClient client = RawClient.Connect(port);
        Ask(client, "a", "first received data: b'A'");
        Assert.Equal($"{Turn}1", await three.LineAsync());
        Assert.Equal(0, await one.StopAsync());
        Assert.Empty(await one.RestAsync());
    }

    private static Task<(SluiceProcess Sluice, int Port)> ServeAsync(params string[] more) =>
        SluiceProcess.ServeAsync(["demo", "select", "--port", "0", .. more.Contains("--lang", StringComparer.Ordinal) ? more : ["--lang", "zh", .. more]]);

    private static void Ask(RawClient client, string message, string answer)
    {
        client.Send(message);
        Assert.Equal(answer, client.ReceiveText(answer.Length));
    }

    private static async Task<string[]> UntilAsync(SluiceProcess sluice, Func<string, bool> last)
    {
        var lines = new List<string>();
        do
        {
            lines.Add(await sluice.LineAsync());
        }
        while (!last(lines[^1]));
        return [.. lines];
    }

    // The number of the last turn.
    private static int Turns(string[] lines) =>
        int.Parse(lines.Last(line => line.StartsWith(Turn, StringComparison.Ordinal))[Turn.Length..], CultureInfo.InvariantCulture);

    // Five lines a turn, numbered from 1, and as many sockets as are said to be ready.
    private static void AssertWholeTurns(string[] lines)
    {
        Assert.NotEmpty(lines);
        Assert.Equal(0, lines.Length % 5);
        for (int i = 0; i < lines.Length; i += 5)
        {
            Assert.Equal([Waits, string.Create(CultureInfo.InvariantCulture, $"{Turn}{(i / 5) + 1}"), $"rl's length is: {Descriptor().Count(lines[i + 4])}"], lines[i..(i + 3)]);
            Assert.Matches("^r_list's length: [1-9][0-9]*$", lines[i + 3]);
            Assert.Matches(@"^r1中的对象: \[<socket\.socket fd=.*>\]$", lines[i + 4]);
        }
    }

    [GeneratedRegex("fd=[0-9]+", RegexOptions.None, 5000)]
    private static partial Regex Descriptor();
}
