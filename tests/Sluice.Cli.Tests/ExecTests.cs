using System.Globalization;
using System.Net;
using System.Text;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class ExecTests
{
    private const string PrintConnection = "env | grep -E '^(PROTO|TCP|UNIX|IPC|SLUICE)' | LC_ALL=C sort";

    [Theory]
    [InlineData("")]
    [InlineData("--model auto")]
    [InlineData("--model iterative")]
    [InlineData("--model threadpool")]
    [InlineData("--model async")]
    [InlineData("--model select")]
    [InlineData("--model poll")]
    [InlineData("--model epoll")]
    [InlineData("--model process --standby 2")]
    [InlineData("--model prefork --workers 2 --inner thread")]
    [InlineData("--model prefork --workers 1 --inner epoll")]
    public async Task A_program_has_the_socket_as_stdin_and_stdout(string options)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync(options, "cat");
        await using SluiceProcess _ = sluice;
        for (int i = 0; i < 3; i++)
        {
            using RawClient client = RawClient.Connect(port);
            client.Send("hello");
            Assert.Equal("hello", client.ReceiveText(5));
            client.Send("more");
            client.Finish();
            Assert.Equal("more"u8.ToArray(), client.ReceiveToEnd());
        }

        Assert.Equal(0, await sluice.StopAsync());
    }

    [Fact]
    public async Task Five_megabytes_go_through_cat_unchanged()
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync("", "cat");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        byte[] sent = new byte[5_000_000];
        new Random(42).NextBytes(sent);

        Task sending = Task.Run(() =>
        {
            client.Send(sent);
            client.Finish();
        });
        byte[] received = await Task.Run(client.ReceiveToEnd);
        await sending;

        Assert.True(sent.AsSpan().SequenceEqual(received), $"{received.Length} bytes came back, or others");
    }

    [Theory]
    [InlineData("127.0.0.1", "")]
    [InlineData("::1", "")]
    [InlineData("127.0.0.1", "--model async")]
    [InlineData("127.0.0.1", "--model process --standby 1")]
    public async Task The_environment_tells_who_is_there(string host, string options)
    {
        var address = IPAddress.Parse(host);
        string url = $"tcp://{new IPEndPoint(address, 0)}";
        (string, string)[] stale = [("TCPREMOTEHOST", "other"), ("TCPREMOTEINFO", "other"), ("UNIXREMOTEPID", "1"), ("PROTO", "SSL")];
        string[] words = ["exec", "--listen", url, .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--", "sh", "-c", PrintConnection];
        await using SluiceProcess sluice = SluiceProcess.Start(words, stale);
        int port = SluiceProcess.PortOf(await sluice.LineAsync());
        using RawClient client = RawClient.Connect(address, port);

        string expected = string.Create(CultureInfo.InvariantCulture,
            $"PROTO=TCP\nTCPLOCALIP={host}\nTCPLOCALPORT={port}\nTCPREMOTEIP={host}\nTCPREMOTEPORT={client.Port}\n");
        Assert.Equal(expected, Encoding.UTF8.GetString(client.ReceiveToEnd()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("--model process --standby 1")]
    public async Task The_environment_tells_who_is_at_a_Unix_socket(string options)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Of("s.sock");
        string[] words = ["exec", "--listen", $"unix://{path}", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--", "sh", "-c", PrintConnection];
        await using SluiceProcess sluice = SluiceProcess.Start(words, [("TCPREMOTEIP", "192.0.2.1")]);
        await sluice.LineAsync();
        using RawClient client = RawClient.Connect(path);

        (string user, string group) = (await IdAsync("-u"), await IdAsync("-g"));
        Assert.Equal($"PROTO=UNIX\nUNIXLOCALPATH={path}\nUNIXREMOTEEGID={group}\nUNIXREMOTEEUID={user}\nUNIXREMOTEPID={Environment.ProcessId}\n",
            Encoding.UTF8.GetString(client.ReceiveToEnd()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("--model async")]
    [InlineData("--model epoll")]
    [InlineData("--model process --standby 1")]
    public async Task The_socket_is_one_and_blocks_without_a_timeout(string options)
    {
        const string Script = """
            import os, socket, stat
            a, b = os.fstat(0), os.fstat(1)
            s = socket.socket(fileno=0)
            print(stat.S_ISSOCK(a.st_mode), a.st_ino == b.st_ino, os.get_blocking(0), os.get_blocking(1),
                  any(s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)), any(s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16)),
                  s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            """;
        (SluiceProcess sluice, int port) = await Exec.ServeAsync(options, "python3", "-c", Script);
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        Assert.Equal("True True True True False False 0\n", Encoding.UTF8.GetString(client.ReceiveToEnd()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("--model epoll")]
    [InlineData("--model process --standby 2")]
    [InlineData("--model prefork --workers 1 --inner thread")]
    public async Task No_other_descriptor_and_no_blocked_signal_comes_along(string options)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync(options, "sh", "-c", "ls /proc/self/fd; grep -E '^Sig(Blk|Ign)' /proc/self/status");
        await using SluiceProcess _ = sluice;
        using RawClient other = RawClient.Connect(port);
        using RawClient client = RawClient.Connect(port);

        string[] lines = Encoding.UTF8.GetString(client.ReceiveToEnd()).Split('\n');

        Assert.Equal(["0", "1", "2", "3"], lines[..4]); // 3 is ls's own, of the directory
        Assert.Equal(["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000", ""], lines[4..]);
    }

    [Fact]
    public async Task Words_after_the_two_dashes_are_the_program_s_as_they_are()
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync("", "sh", "-c", "printf '%s|' \"$@\"", "name", "--listen", "--", "@x", "-abc", "--help", "", "a b");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        Assert.Equal("--listen|--|@x|-abc|--help||a b|", Encoding.UTF8.GetString(client.ReceiveToEnd()));
    }

    [Fact]
    public async Task Stderr_is_the_server_s()
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync("", "sh", "-c", "echo said on stderr >&2");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);

        Assert.Empty(client.ReceiveToEnd());
        await sluice.ErrorSaysAsync("said on stderr\n");
    }

    [Fact]
    public async Task A_program_that_fails_is_one_line_and_the_server_goes_on()
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync("", "sh", "-c", "read code; exit $code");
        await using SluiceProcess _ = sluice;
        await AskAsync("3");
        await AskAsync("0");
        await sluice.ErrorSaysAsync("exited with 3 (");

        Assert.Matches(@"\[sluice\] info: The program of connection [0-9a-f]{8} exited with 3 \(0 more", sluice.Errors);
        Assert.DoesNotContain("exited with 0", sluice.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("SLU", sluice.Errors, StringComparison.Ordinal);

        async Task AskAsync(string code)
        {
            using RawClient client = RawClient.Connect(port);
            client.Send(code + "\n");
            Assert.Empty(await Task.Run(client.ReceiveToEnd));
        }
    }

    [Fact]
    public async Task A_file_that_the_system_cannot_run_ends_its_connection_only()
    {
        using var directory = new TemporaryDirectory();
        string program = directory.File("program", "no interpreter is named here\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        (SluiceProcess sluice, int port) = await Exec.ServeAsync("", program);
        await using SluiceProcess _ = sluice;
        using (RawClient client = RawClient.Connect(port))
        {
            Assert.Empty(client.ReceiveToEnd());
        }

        await sluice.ErrorSaysAsync("could not be started for a connection (NotExecutable)");
        File.WriteAllText(directory.Of("new"), "#!/bin/sh\necho better\n");
        File.SetUnixFileMode(directory.Of("new"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.Move(directory.Of("new"), program, overwrite: true);
        using RawClient second = RawClient.Connect(port);
        Assert.Equal("better\n"u8.ToArray(), second.ReceiveToEnd());
    }

    [Theory]
    [InlineData("")]
    [InlineData("--model async")]
    [InlineData("--model epoll --loops 1")]
    [InlineData("--model poll --loops 1")]
    public async Task Many_programs_run_at_once(string options)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync(options, "cat");
        await using SluiceProcess _ = sluice;
        var clients = new List<RawClient>();
        try
        {
            for (int i = 0; i < 40; i++)
            {
                clients.Add(RawClient.Connect(port));
            }

            foreach ((int i, RawClient client) in clients.Index())
            {
                client.Send($"client {i:00}");
            }

            foreach ((int i, RawClient client) in clients.Index().Reverse())
            {
                Assert.Equal($"client {i:00}", client.ReceiveText(9));
            }

            Assert.Equal(40, Exec.ChildrenOf(sluice).Length);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("--model async")]
    [InlineData("--model epoll")]
    public async Task Two_hundred_connections_leave_no_zombie_and_no_descriptor(string options)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync(options, "cat");
        await using SluiceProcess _ = sluice;
        await Parallel.ForAsync(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, (i, _) =>
        {
            using RawClient client = RawClient.Connect(port);
            byte[] text = Encoding.UTF8.GetBytes($"connection {i}");
            client.Send(text);
            client.Finish();
            Assert.Equal(text, client.ReceiveToEnd());
            return ValueTask.CompletedTask;
        });

        await Eventually.TrueAsync(() => Exec.ChildrenOf(sluice).Length == 0);
        await Eventually.TrueAsync(() => new DirectoryInfo($"/proc/{sluice.Process.Id}/fd").GetFiles().All(file => file.LinkTarget?.Contains("pidfd", StringComparison.Ordinal) != true));
    }

    private static async Task<string> IdAsync(string option)
    {
        using var id = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("id", [option]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        return (await id.StandardOutput.ReadToEndAsync()).Trim();
    }
}
