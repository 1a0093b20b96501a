using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class UpgradeTests
{
    [Theory]
    [InlineData("epoll", false)]
    [InlineData("io_uring", false)]
    [InlineData("thread", false)]
    [InlineData("threadpool", false)]
    [InlineData("async", false)]
    [InlineData("prefork", false)]
    [InlineData("process", false)]
    [InlineData("epoll", true)]
    public Task Upgrades_under_load_lose_nobody(string model, bool unix) => UpgradesAsync(model, unix, count: 3);

    [Theory, Trait("Tier", "long")]
    [InlineData("epoll", false)]
    [InlineData("io_uring", false)]
    [InlineData("thread", false)]
    [InlineData("threadpool", false)]
    [InlineData("iterative", false)]
    [InlineData("select", false)]
    [InlineData("poll", false)]
    [InlineData("async", false)]
    [InlineData("prefork", false)]
    [InlineData("process", false)]
    [InlineData("epoll", true)]
    [InlineData("prefork", true)]
    public Task Ten_upgrades_in_a_row_under_load_lose_nobody(string model, bool unix) => UpgradesAsync(model, unix, count: 10);

    [Fact]
    public async Task Workers_that_are_replaced_under_load_lose_nobody()
    {
        await using var server = new UpgradableServer();
        await server.StartAsync(unix: false, OptionsOf("prefork"));
        int[] before = UpgradableServer.ChildrenOf(server.Current);
        using LoadClient load = await LoadClient.StartAsync(server.Address, clients: 4, TimeSpan.FromMilliseconds(20));

        server.Signal("HUP");

        await server.Sluice.ErrorSaysAsync("the workers are replaced");
        (int answered, string wrong) = await load.EndAsync();
        Assert.Equal("", wrong);
        Assert.True(answered > 0);
        await Eventually.TrueAsync(() => UpgradableServer.ChildrenOf(server.Current) is { Length: 2 } now && !now.Intersect(before).Any());
        await server.StopAsync();
    }

    [Fact]
    public async Task The_new_process_gives_the_socket_file_the_mode_of_its_own_configuration()
    {
        await using var server = new UpgradableServer();
        string config = server.File("sluice.json", """{ "socket-mode": "0600" }""");
        await server.StartAsync(unix: true, ["--model", "thread", "--config", config]);
        Assert.Equal((UnixFileMode)0b110_000_000, new FileInfo(server.Address).UnixFileMode);
        server.File("sluice.json", """{ "socket-mode": "0666" }""");

        await server.UpgradeAsync();

        Assert.Equal((UnixFileMode)0b110_110_110, new FileInfo(server.Address).UnixFileMode);
        await server.StopAsync();
    }

    [Fact]
    public async Task A_hang_up_means_nothing_to_a_server_without_workers_and_is_told_so()
    {
        await using var server = new UpgradableServer();
        await server.StartAsync(unix: false, ["--model", "thread"]);

        server.Signal("HUP");

        await server.Sluice.ErrorSaysAsync("[sluice] SIGHUP has no meaning for the model thread");
        await AssertServesAsync(server);
        await server.StopAsync();
    }

    [Fact]
    public async Task The_old_process_finishes_what_it_has_begun()
    {
        await using var server = new UpgradableServer();
        await server.StartAsync(["demo", "thread", "--port", "0", "--lang", "en"]);
        using RawClient client = RawClient.Connect(int.Parse(server.Address, System.Globalization.CultureInfo.InvariantCulture));
        client.Send("work\n");
        while (!(await server.Sluice.LineAsync()).EndsWith("work", StringComparison.Ordinal))
        {
        }

        server.Signal("USR2");

        Assert.NotEmpty(client.ReceiveToEnd());
        await server.Sluice.ErrorSaysAsync("handed over to process");
        while (UpgradableServer.IsAlive(server.Sluice.Process.Id))
        {
            await Task.Delay(10);
        }

        int successor = int.Parse(File.ReadAllText(server.PidFile), System.Globalization.CultureInfo.InvariantCulture);
        UpgradableServer.Signal(successor, "TERM");
        Assert.Equal(0, await server.Sluice.EndAsync());
        Assert.Contains("0 were cut", server.Sluice.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_process_that_fails_leaves_the_old_one_serving()
    {
        await using var server = new UpgradableServer();
        string config = server.File("config.json", """{"listen": "tcp://127.0.0.1:0", "model": "thread"}""");
        await server.StartAsync(["serve", "echo", "--config", config]);
        int old = server.Current;
        File.WriteAllText(config, """{"listen": "tcp://127.0.0.1:0", "model": "threads"}""");

        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["--upgrade", "--pid-file", server.PidFile, "--upgrade-within", "3s"]);

        Assert.Equal((1, ""), (code, printed));
        Assert.Contains($"SLU0608 not upgraded: no new process has taken over within 3 s, and {old} goes on", errors, StringComparison.Ordinal);
        await server.Sluice.ErrorSaysAsync("does not take over, and this one goes on: it exited with 2 before it served");
        Assert.Contains("SLU0309", server.Sluice.Errors, StringComparison.Ordinal);
        await AssertServesAsync(server);

        File.WriteAllText(config, """{"listen": "tcp://127.0.0.1:0", "model": "epoll"}""");
        await server.UpgradeAsync(); // with the model changed
        await AssertServesAsync(server);
        await server.StopAsync();
    }

    [Fact]
    public async Task An_upgrade_takes_what_it_no_longer_listens_on_out_of_service()
    {
        await using var server = new UpgradableServer();
        string gone = server.Of("gone");
        string config = server.File("config.json", $$"""{"listen": ["tcp://127.0.0.1:0", "unix://{{gone}}"]}""");
        await server.StartAsync(["serve", "echo", "--config", config]);
        await server.Sluice.LineAsync();
        RawClient.Connect(gone).Dispose();
        File.WriteAllText(config, """{"listen": "tcp://127.0.0.1:0"}""");

        await server.UpgradeAsync();

        await Eventually.ThrowsAsync<System.Net.Sockets.SocketException>(() => RawClient.Connect(gone).Dispose());
        await AssertServesAsync(server);
        await server.StopAsync();
    }

    private static async Task UpgradesAsync(string model, bool unix, int count)
    {
        await using var server = new UpgradableServer();
        await server.StartAsync(unix, OptionsOf(model));
        bool isSlow = model == "process"; // a process of the runtime a connection
        using LoadClient load = await LoadClient.StartAsync(server.Address, clients: isSlow ? 2 : 6, TimeSpan.FromMilliseconds(isSlow ? 300 : 25));

        for (int i = 0; i < count; i++)
        {
            await server.UpgradeAsync();
        }

        (int answered, string wrong) = await load.EndAsync();
        Assert.Equal("", wrong);
        Assert.True(answered > count, $"only {answered} requests were answered");
        await server.StopAsync();
        Assert.False(File.Exists(server.PidFile));
        Assert.False(unix && File.Exists(server.Address), "the last process removes the socket's file");
        Assert.DoesNotContain(" were cut", server.Sluice.Errors.Replace(" 0 were cut", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static string[] OptionsOf(string model) => model switch
    {
        "prefork" => ["--model", model, "--inner", "epoll", "--workers", "2", "--loops", "1"],
        "process" => ["--model", model, "--standby", "2"],
        "threadpool" => ["--model", model, "--threads", "4"],
        _ => ["--model", model],
    };

    private static async Task AssertServesAsync(UpgradableServer server)
    {
        using LoadClient load = await LoadClient.StartAsync(server.Address, clients: 1, TimeSpan.FromMilliseconds(1));
        Assert.Equal("", (await load.EndAsync()).Wrong);
    }
}
