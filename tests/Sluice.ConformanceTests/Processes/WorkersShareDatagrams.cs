using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests.Processes;

/// <summary>Sockets of datagrams that several processes have: workers, a process that replaces another, and whoever has passed them.</summary>
[Collection(nameof(Alone))]
public sealed class WorkersShareDatagrams
{
    [Theory, InlineData("prefork+epoll", "unixgram"), InlineData("prefork+thread", "udp"), InlineData("prefork+io_uring", "udp"), InlineData("prefork+async", "unixgram")]
    public async Task Workers_are_replaced_and_each_datagram_is_answered_once(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { Workers = 2 });
        int[] before = ChildProcesses.Of(Environment.ProcessId);
        await using var numbers = new NumberedDatagrams(server.Url, clients: 2);
        await server.Server.RestartWorkersAsync().Within("all are replaced", TimeSpan.FromSeconds(30));
        await Eventually.Until(() => !Array.Exists(before, ChildProcesses.IsAlive), "the old ones have left");
        await numbers.AssertEachAnsweredOnceAsync();
    }

    [Fact]
    public async Task What_waits_in_the_kernel_outlives_a_worker()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("prefork+epoll", "unixgram").Spec with { Workers = 1 });
        using var client = new DatagramAsker(server.Url);
        int pid = await client.PidAsync();
        ChildProcesses.Signal(pid, "STOP");
        for (int i = 0; i < 5; i++)
        {
            client.Send($"{i}");
        }

        ChildProcesses.Signal(pid, "KILL");
        Assert.Equal(["0", "1", "2", "3", "4"], [await client.HearAsync(), await client.HearAsync(), await client.HearAsync(), await client.HearAsync(), await client.HearAsync()]);
        Assert.NotEqual(pid, await client.PidAsync());
    }

    [Theory, InlineData("process"), InlineData("prefork+epoll")]
    public async Task Workers_serve_the_addresses_of_their_model_only(string model)
    {
        ServerSpec spec = new WorkerCell(model, "tcp").Spec with { More = ["udp://127.0.0.1:0?model=epoll"], Loops = 1 };
        await using RunningServer server = await WorkerCell.StartAsync(spec);
        Assert.Equal([spec.Model, "epoll"], server.Server.LocalModels);
        await using LineClient stream = await LineClient.ConnectAsync(server.Url);
        using var datagrams = new DatagramAsker(server.Server.LocalUrls[1]);
        Assert.NotEqual(Environment.ProcessId, await stream.PidAsync());
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal(Environment.ProcessId, await datagrams.PidAsync());
        }

        // /proc names a socket by its number, so that a worker that had the datagrams' would show it.
        string inode = new FileInfo($"/proc/self/fd/{(int)server.Server.Listeners[1].Handle!.DangerousGetHandle()}").LinkTarget!;
        Assert.DoesNotContain(inode, await stream.AskAsync("descriptors"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Workers_and_the_loops_of_one_server_serve_what_is_theirs_the_other_way_round()
    {
        ServerSpec spec = new WorkerCell("epoll", "tcp").Spec with { More = ["udp://127.0.0.1:0?model=process"], Loops = 1, Most = 3 };
        await using RunningServer server = await WorkerCell.StartAsync(spec);
        Assert.True(server.Server.MaxConnections > 3, "connections have no worker each");
        await using LineClient stream = await LineClient.ConnectAsync(server.Url);
        using var datagrams = new DatagramAsker(server.Server.LocalUrls[1]);
        Assert.Equal(Environment.ProcessId, await stream.PidAsync());
        Assert.NotEqual(Environment.ProcessId, await datagrams.PidAsync());
    }

    [Fact]
    public void Two_models_with_workers_are_refused() => Assert.Equal(ErrorIds.ModelsDoNotMix, Assert.Throws<SluiceException>(
        () => (new WorkerCell("process", "tcp").Spec with { More = ["udp://127.0.0.1:0?model=prefork"] }).ToBuilder().Build()).Id);

    [Theory]
    [InlineData("epoll", "unixgram"), InlineData("io_uring", "udp"), InlineData("process", "udp"), InlineData("prefork+thread", "unixgram")]
    public Task An_upgrade_answers_each_datagram_once(string model, string transport) => UpgradesAsync(model, transport, times: 1);

    [Theory, Trait("Tier", "long")]
    [InlineData("epoll", "unixgram"), InlineData("epoll", "udp"), InlineData("poll", "udp"), InlineData("io_uring", "unixgram"), InlineData("thread", "udp"), InlineData("threadpool", "unixgram")]
    [InlineData("async", "unixgram"), InlineData("iterative", "udp"), InlineData("process", "unixgram"), InlineData("process", "udp"), InlineData("prefork+epoll", "unixgram"), InlineData("prefork+io_uring", "udp")]
    public Task Ten_upgrades_in_a_row_answer_each_datagram_once(string model, string transport) => UpgradesAsync(model, transport, times: 10);

    [Theory, InlineData(4, 1), InlineData(1, 3), InlineData(300, 2)]
    public async Task Loops_may_be_fewer_or_more_after_an_upgrade(int before, int after)
    {
        ServerSpec spec = new WorkerCell("poll", "udp").Spec with { Loops = before, LoopsLater = after };
        await using ChildServer server = await ChildServer.StartAsync(spec);
        int old = server.ServerPid;
        await server.UpgradeAsync();
        await Eventually.Until(() => !ChildProcesses.IsAlive(old), "the old process has left");
        for (int i = 0; i < 60; i++)
        {
            using var client = new DatagramAsker(server.Url); // the kernel chooses a socket by the client's port
            Assert.Equal(server.ServerPid, await client.PidAsync());
        }
    }

    [Theory, InlineData("thread", "udp"), InlineData("epoll", "unixgram"), InlineData("process", "udp"), InlineData("prefork+epoll", "unixgram")]
    public async Task A_descriptor_of_datagrams_is_served_and_outlives_the_server(string model, string transport)
    {
        using Socket passed = Bind(transport);
        ServerSpec spec = new WorkerCell(model, "tcp").Spec with { Url = $"fd://{InheritableDescriptors.Copy(passed.SafeHandle)}" }; // the server closes what it is given
        SocketAddressUrl url = SocketAddressUrl.Parse(transport == "udp" ? $"udp://{passed.LocalEndPoint}" : $"unixgram://{passed.LocalEndPoint}");
        using var client = new DatagramAsker(url);
        await using (RunningServer server = await WorkerCell.StartAsync(spec))
        {
            Assert.Equal(url, server.Url);
            Assert.Equal("passed", await client.AskAsync("passed"));
            bool hasWorkers = spec.Model is "process" or "prefork";
            Assert.Equal(hasWorkers, Environment.ProcessId != await client.PidAsync());
        }

        client.Send("kept");
        byte[] received = new byte[10];
        Assert.Equal(4, await passed.ReceiveAsync(received));
        if (transport == "unixgram")
        {
            Assert.True(File.Exists(url.Path));
            File.Delete(url.Path);
        }
    }

    [Fact]
    public async Task What_comes_at_a_descriptor_needs_a_handler_and_is_known_when_the_server_is_built()
    {
        using Socket passed = Bind("udp");
        string url = $"fd://{(int)passed.Handle}";
        SluiceException refused = Assert.Throws<SluiceException>(() => SocketServer.CreateBuilder().Listen(url).Handle(new CommandHandler()).Build());
        Assert.Equal(ErrorIds.NoHandlerForKind, refused.Id);

        using var unbound = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        await using SocketServer server = SocketServer.CreateBuilder().Listen($"fd://{(int)unbound.Handle}").HandleDatagrams(new DatagramCommands()).Build();
        SluiceException useless = await Assert.ThrowsAsync<SluiceException>(server.StartAsync);
        Assert.Equal(ErrorIds.NotAListeningSocket, useless.Id);
        Assert.Contains("not bound", useless.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData("epoll"), InlineData("process")]
    public async Task Sockets_of_datagrams_come_from_systemd_and_are_passed_on_at_an_upgrade(string model)
    {
        // As systemd starts a service with ListenDatagram=: the socket is descriptor 3.
        const string Pass = """
            import os, socket, sys
            passed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            passed.bind(("127.0.0.1", 0))
            os.dup2(passed.fileno(), 3)
            os.set_inheritable(3, True)
            os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="questions")
            os.execvp(sys.argv[1], sys.argv[1:])
            """;
        ServerSpec spec = new WorkerCell(model, "tcp").Spec with { Url = "systemd:questions" };
        await using ChildServer server = await ChildServer.StartAsync(["python3", "-c", Pass, ChildServer.Program, "spec", $"{spec}"]);
        Assert.Equal("udp", server.Url.Scheme);
        using var client = new DatagramAsker(server.Url);
        Assert.Equal("passed", await client.AskAsync("passed"));
        int old = server.ServerPid;
        await server.UpgradeAsync();
        await Eventually.Until(() => !ChildProcesses.IsAlive(old), "the old process has left");
        Assert.Equal("passed on", await client.AskAsync("passed on"));
    }

    private static async Task UpgradesAsync(string model, string transport, int times)
    {
        await using ChildServer server = await ChildServer.StartAsync(new WorkerCell(model, transport).Spec with { Workers = 2, Loops = 3, Standby = 4 });
        await using var numbers = new NumberedDatagrams(server.Url, clients: 3);
        for (int i = 0; i < times; i++)
        {
            int old = server.ServerPid;
            long answered = numbers.Answered;
            await server.UpgradeAsync();
            await Eventually.Until(() => !ChildProcesses.IsAlive(old), "the old process has left", TimeSpan.FromSeconds(20));
            await Eventually.Until(() => numbers.Answered > answered + 10, "the new one answers", TimeSpan.FromSeconds(20));
        }

        await numbers.AssertEachAnsweredOnceAsync();
    }

    private static Socket Bind(string transport)
    {
        bool isUdp = transport == "udp";
        var socket = new Socket(isUdp ? AddressFamily.InterNetwork : AddressFamily.Unix, SocketType.Dgram, isUdp ? ProtocolType.Udp : ProtocolType.Unspecified);
        socket.Bind(isUdp ? new IPEndPoint(IPAddress.Loopback, 0)
            : new UnixDomainSocketEndPoint(Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"sluice-passed-{Environment.ProcessId}-{Random.Shared.Next()}.sock"))));
        return socket;
    }
}
