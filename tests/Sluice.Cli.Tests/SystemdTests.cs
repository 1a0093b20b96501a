using System.Globalization;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

/// <summary>systemd's two protocols: sockets that are passed, and what is told back.</summary>
public sealed class SystemdTests
{
    // Binds a port, passes it as descriptor 3 as systemd does, and says when the program has ended whether the port still listens.
    private const string PassOne = """
        import os, socket, subprocess, sys
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        environment = dict(os.environ, LISTEN_FDS="1")
        code = subprocess.run(["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *sys.argv[1:]], close_fds=False, env=environment).returncode
        socket.create_connection(listener.getsockname()).close()
        print("the port still listens", flush=True)
        sys.exit(code)
        """;

    private const string PassFile = """
        import os, sys
        os.dup2(os.open("/dev/null", os.O_RDONLY), 3)
        os.set_inheritable(3, True)
        os.execvp(sys.argv[1], sys.argv[1:])
        """;

    private static readonly string[] Activate = ["systemd-socket-activate", "-E", "DOTNET_ROOT", "-E", "LANG"];

    [Theory]
    [InlineData("fd://3")]
    [InlineData("systemd:unknown")]
    public async Task A_passed_port_is_served_and_outlives_the_server(string url)
    {
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", "--listen", url, "--model", "epoll"], wrapper: ["python3", "-c", PassOne]);
        string line = await sluice.LineAsync();
        AssertEchoes(RawClient.Connect(SluiceProcess.PortOf(line)));
        UpgradableServer.Signal(PidOf(line), "TERM");

        Assert.Equal("the port still listens", await sluice.LineAsync());
        Assert.Equal(0, await sluice.EndAsync());
    }

    [Theory]
    [InlineData("thread")]
    [InlineData("prefork")]
    [InlineData("process")]
    public async Task Passed_sockets_are_passed_on_at_an_upgrade(string model)
    {
        using var directory = new TemporaryDirectory();
        string file = directory.Of("pid");
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", "--listen", "systemd:unknown", "--model", model, "--pid-file", file], wrapper: ["python3", "-c", PassOne]);
        string line = await sluice.LineAsync();
        int port = SluiceProcess.PortOf(line);

        try
        {
            for (int i = 0; i < 2; i++)
            {
                (int code, _, string errors) = await SluiceProcess.RunAsync(["--upgrade", "--pid-file", file, "--upgrade-within", "28s"]);
                Assert.True(code == 0, errors + sluice.Errors);
                int old = PidOf(line);
                while (!(line = await sluice.LineAsync()).StartsWith("listening", StringComparison.Ordinal))
                {
                    // The first process was the wrapper's, which says something when that one ends.
                }

                Assert.NotEqual(old, PidOf(line));
                Assert.Equal(port, SluiceProcess.PortOf(line));
                AssertEchoes(RawClient.Connect(port));
            }

            UpgradableServer.Signal(PidOf(line), "TERM");
            Assert.Equal(0, await sluice.EndAsync());
        }
        finally
        {
            if (UpgradableServer.IsAlive(PidOf(line)))
            {
                UpgradableServer.Signal(PidOf(line), "KILL");
            }
        }
    }

    [Fact]
    public async Task The_sockets_of_systemd_are_known_by_their_names()
    {
        using var directory = new TemporaryDirectory();
        (string first, string second, string third) = (directory.Of("a"), directory.Of("b"), directory.Of("c"));
        string[] wrapper = [.. Activate, "-l", first, "-l", second, "-l", third, "--fdname=web:admin:web"];
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", "--listen", "systemd:web", "--model", "thread"], wrapper: wrapper);
        await sluice.ErrorSaysAsync($"Listening on {third}");
        RawClient waker = RawClient.Connect(first); // which starts the program

        string[] lines = await sluice.LinesAsync(2);

        Assert.StartsWith($"listening unix://{first} model=thread", lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"listening unix://{third} model=thread", lines[1], StringComparison.Ordinal);
        AssertEchoes(waker);
        AssertEchoes(RawClient.Connect(third));
        Assert.Equal(0, await sluice.StopAsync());
        Assert.True(File.Exists(first), "the file is systemd's");
    }

    [Theory]
    [InlineData("systemd:web", false, 1, "SLU0013", "it passed unknown")]
    [InlineData("fd://3", true, 2, "SLU0014", "chargen serves connections only, and datagrams come to fd://3;")]
    public async Task A_socket_that_cannot_be_served_is_refused(string url, bool ofDatagrams, int code, string id, string why)
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Of("socket");
        string[] datagrams = ofDatagrams ? ["--datagram"] : [];
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "chargen", "--listen", url], wrapper: [.. Activate, .. datagrams, "-l", path]);
        await sluice.ErrorSaysAsync("Listening on ");
        using var waker = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix,
            ofDatagrams ? System.Net.Sockets.SocketType.Dgram : System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        waker.Connect(new System.Net.Sockets.UnixDomainSocketEndPoint(path));
        waker.Send("x"u8);

        Assert.Equal(code, await sluice.EndAsync());
        Assert.Contains(id, sluice.Errors, StringComparison.Ordinal);
        Assert.Contains(why, sluice.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("fd://3", "SLU0012", "it is no socket", true)]
    [InlineData("fd://77", "SLU0012", "no such descriptor is open", false)]
    [InlineData("systemd:web", "SLU0013", "no socket was passed to this process", false)]
    public async Task What_was_not_passed_is_refused(string url, string id, string why, bool file)
    {
        (int code, _, string errors) = await SluiceProcess.RunAsync(["serve", "echo", "--listen", url], wrapper: file ? ["python3", "-c", PassFile] : null);
        Assert.Equal(1, code);
        Assert.Contains(id, errors, StringComparison.Ordinal);
        Assert.Contains(why, errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Systemd_is_told_how_the_server_fares(bool isAbstract)
    {
        using var directory = new TemporaryDirectory();
        string variable = isAbstract ? $"@sluice-test-{Guid.NewGuid():N}" : directory.Of("notify");
        using var systemd = new NotifySocket(variable);
        await using var server = new UpgradableServer();
        await server.StartAsync(unix: false, ["--model", "prefork", "--inner", "epoll", "--workers", "1"], ("NOTIFY_SOCKET", variable), ("WATCHDOG_USEC", "200000"));

        systemd.Until("READY=1");
        Assert.Equal($"MAINPID={server.Current}", systemd.Until("MAINPID="));
        Assert.Contains($"serving tcp://127.0.0.1:{server.Address} with prefork", systemd.Until("STATUS="), StringComparison.Ordinal);
        systemd.Until("WATCHDOG=1");
        systemd.Until("WATCHDOG=1");
        int worker = Assert.Single(UpgradableServer.ChildrenOf(server.Current));
        string environment = File.ReadAllText($"/proc/{worker}/environ");
        Assert.DoesNotContain("NOTIFY_SOCKET", environment, StringComparison.Ordinal);
        Assert.DoesNotContain("WATCHDOG_", environment, StringComparison.Ordinal);

        server.Signal("HUP");
        systemd.Until("RELOADING=1");
        Assert.True(long.Parse(systemd.Until("MONOTONIC_USEC=").Split('=')[1], CultureInfo.InvariantCulture) > 0);
        systemd.Until("READY=1");

        int old = server.Current;
        await server.UpgradeAsync();
        systemd.Until("RELOADING=1");
        var passed = new List<string>();
        Assert.Equal($"MAINPID={server.Current}", systemd.Until("MAINPID=", passed));
        Assert.DoesNotContain(passed, told => told == "READY=1"); // not before the unit is the new process's
        systemd.Until("READY=1");
        await Eventually.TrueAsync(() => !UpgradableServer.IsAlive(old));
        systemd.Until("WATCHDOG=1"); // the new process's

        server.Signal("TERM");
        passed.Clear();
        systemd.Until("STOPPING=1", passed);
        Assert.DoesNotContain(passed, told => told == $"MAINPID={old}");
        await server.EndAsync();
    }

    [Fact]
    public async Task A_failed_upgrade_leaves_the_unit_ready()
    {
        using var directory = new TemporaryDirectory();
        using var systemd = new NotifySocket(directory.Of("notify"));
        await using var server = new UpgradableServer();
        string config = server.File("config.json", """{"listen": "tcp://127.0.0.1:0", "model": "thread"}""");
        await server.StartAsync(["serve", "echo", "--config", config], ("NOTIFY_SOCKET", directory.Of("notify")));
        systemd.Until("READY=1");
        File.WriteAllText(config, "no json");

        server.Signal("USR2");

        systemd.Until("RELOADING=1");
        systemd.Until("READY=1");
        Assert.Equal($"MAINPID={server.Current}", systemd.Until("MAINPID="));
        await server.StopAsync();
    }

    private static int PidOf(string line) => int.Parse(line.Split("pid=")[1], CultureInfo.InvariantCulture);

    private static void AssertEchoes(RawClient client)
    {
        using (client)
        {
            client.Send("hello");
            Assert.Equal("hello", client.ReceiveText(5));
        }
    }
}
