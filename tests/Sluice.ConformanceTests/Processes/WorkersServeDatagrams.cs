using System.Collections.Concurrent;
using System.Text;
using Sluice.Diagnostics;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Processes;

/// <summary>Datagrams that other processes serve.</summary>
[Collection(nameof(Alone))]
public sealed class WorkersServeDatagrams
{
    [Theory, MemberData(nameof(WorkerCell.OfDatagrams), MemberType = typeof(WorkerCell))]
    public async Task They_come_back_from_other_processes_whole(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { MaxSize = 300_000 });
        using var client = new DatagramAsker(server.Url);
        int[] pids = [await client.PidAsync(), await client.PidAsync()];
        Assert.DoesNotContain(Environment.ProcessId, pids);
        Assert.True(model != "process" || pids[0] != pids[1], "each is served by a process of its own");
        foreach (int length in (int[])[0, 1, 20_000, transport == "udp" ? 65_507 : 150_000])
        {
            byte[] sent = new byte[length];
            Random.Shared.NextBytes(sent);
            Assert.Equal(sent, await client.AskAsync(sent));
        }
    }

    [Theory, InlineData("process", "udp"), InlineData("process", "unixgram"), InlineData("prefork+thread", "unixgram")]
    public async Task Their_handlers_know_both_addresses_who_sent_and_when(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { MaxSize = 1000 });
        using var client = new DatagramAsker(server.Url);
        string expected = transport == "udp"
            ? $"{client.Socket.RemoteEndPoint} {client.Socket.LocalEndPoint}  True"
            : $"{server.Url.Path} @{client.Name} {Environment.ProcessId} True";
        Assert.Equal(expected, await client.AskAsync("about"));
        Assert.Equal("1000 True", await client.AskAsync("measure" + new string('x', 2000)));
        Assert.Equal("1000 False", await client.AskAsync("measure" + new string('x', 993)));
    }

    [Fact]
    public async Task One_that_came_to_an_address_of_many_is_answered_from_there()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "udp").Spec with { Url = "udp://0.0.0.0:0" });
        using var client = new DatagramAsker(Sluice.Transports.SocketAddressUrl.Parse($"udp://127.0.0.9:{server.Url.Port}"));
        Assert.StartsWith($"127.0.0.9:{server.Url.Port} ", await client.AskAsync("about"), StringComparison.Ordinal); // connected: it hears nobody else
    }

    [Fact]
    public async Task The_master_of_process_counts_them_and_tells_what_handlers_throw()
    {
        var failed = new ConcurrentQueue<DatagramFailed>();
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "udp").Spec);
        server.Server.Events.DatagramFailed += failed.Enqueue;
        using var client = new DatagramAsker(server.Url);
        client.Send("times 3");
        Assert.Equal(["0", "1", "2"], [await client.HearAsync(), await client.HearAsync(), await client.HearAsync()]);
        client.Send("throw");
        Assert.Equal("after", await client.AskAsync("after"));
        await Eventually.Until(() => !failed.IsEmpty && server.Server.Datagrams is { Received: 3, Sent: 4 }, "all is counted");
        DatagramFailed failure = Assert.Single(failed);
        Assert.Equal(client.Socket.LocalEndPoint, failure.RemoteEndPoint);
        Assert.Equal((ErrorIds.HandlerFailed, "InvalidDataException: as it was told"), (((SluiceException)failure.Failure).Id, failure.Failure.Message[(failure.Failure.Message.IndexOf("Invalid", StringComparison.Ordinal))..]));
    }

    [Theory, InlineData("failfast"), InlineData("exit")]
    public async Task A_crash_costs_its_datagram_only(string crash)
    {
        var noticed = new ConcurrentQueue<string>();
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "unixgram").Spec);
        server.Server.Events.Noticed += noticed.Enqueue;
        using var client = new DatagramAsker(server.Url);
        using var slow = new DatagramAsker(server.Url);
        slow.Send("sleep 300");
        client.Send(crash);
        Assert.Equal("alive", await client.AskAsync("alive"));
        Assert.Equal("slept", await slow.HearAsync());
        await Eventually.Until(() => noticed.Any(line => line.StartsWith(ErrorIds.WorkerDied, StringComparison.Ordinal)), "it is told of");
        Assert.Contains($"a datagram of @{client.Name}; only this datagram is lost", Assert.Single(noticed, line => line.StartsWith(ErrorIds.WorkerDied, StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_maximum_of_workers_is_hard_and_the_others_wait_in_the_kernel()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "udp").Spec with { Most = 2, Standby = 2 });
        using var client = new DatagramAsker(server.Url);
        client.Send("sleep 700");
        client.Send("sleep 700");
        client.Send("third");
        await Eventually.Until(() => server.Server.Datagrams.Received == 2, "two are served");
        await Eventually.Never(() => server.Server.Datagrams.Received != 2, TimeSpan.FromMilliseconds(300), "a third is received");
        Assert.Equal(["slept", "slept", "third"], [await client.HearAsync(), await client.HearAsync(), await client.HearAsync()]);
    }

    [Fact]
    public async Task What_no_worker_can_be_had_for_is_dropped_and_told()
    {
        string program = Path.GetTempFileName();
        ServerSpec spec = new WorkerCell("process", "udp").Spec with { Standby = 1, Most = 1 };
        await File.WriteAllTextAsync(program, $"exec {ChildServer.Program} spec '{spec}'\n");
        var dropped = new ConcurrentQueue<DatagramsDropped>();
        await using RunningServer server = new((spec with { Program = ["/bin/sh", program] }).ToBuilder().Build());
        server.Server.Events.DatagramsDropped += dropped.Enqueue;
        await server.Server.StartAsync().Within("it serves");
        using var client = new DatagramAsker(server.Url);
        await File.WriteAllTextAsync(program, "exit 7\n");
        Assert.Equal("served", await client.AskAsync("served"));

        client.Send("not served");

        await Eventually.Until(() => !dropped.IsEmpty, "it is told of");
        Assert.Equal((DropReason.NoCapacity, 1L), (dropped.First().Reason, dropped.First().Count));
        await Eventually.Until(() => server.Server.Datagrams is { Received: 2, Dropped: 1 }, "it is counted");
        await File.WriteAllTextAsync(program, $"exec {ChildServer.Program} spec '{spec}'\n");
        await Eventually.Until(() => Task.Run(async () =>
        {
            client.Send("again");
            try
            {
                return await client.HearAsync(seconds: 0.5) == "again";
            }
            catch (OperationCanceledException)
            {
                return false; // dropped, too
            }
        }).Result, "it serves again");
        File.Delete(program);
    }

    [Theory, InlineData("udp"), InlineData("unixgram")]
    public async Task Process_serves_one_when_asked_and_leaves_the_next(string transport)
    {
        ServerSpec spec = new WorkerCell("process", transport).Spec;
        await using SocketServer server = (spec with { Program = [ChildServer.Program, "spec", $"{spec}"] }).ToBuilder().Build();
        Assert.False(await server.HandleOneAsync(TimeSpan.FromMilliseconds(200)));
        using var client = new DatagramAsker(server.LocalUrls[0]);
        client.Send("sleep 100");
        client.Send("second");
        Assert.True(await server.HandleOneAsync(TimeSpan.FromSeconds(20)).Within("the first is served", TimeSpan.FromSeconds(20)));
        Assert.Equal("slept", await client.HearAsync());
        Assert.Equal((1, 1), (server.Datagrams.Received, server.Datagrams.Sent));
        Assert.True(await server.HandleOneAsync(TimeSpan.FromSeconds(20)).Within("the second is served", TimeSpan.FromSeconds(20)));
        Assert.Equal("second", await client.HearAsync());
    }

    [Fact]
    public async Task An_answer_waits_for_a_peer_that_does_not_read()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "unixgram").Spec with { SendSeconds = 20 });
        using var client = new DatagramAsker(server.Url);
        client.Send("times 2000"); // more than any queue takes
        await Task.Delay(300); // that it fills
        for (int i = 0; i < 2000; i++)
        {
            Assert.Equal($"{i}", await client.HearAsync());
        }
    }

    [Theory]
    [InlineData("process", "udp"), InlineData("prefork+thread", "udp"), InlineData("prefork+epoll", "unixgram"), InlineData("prefork+io_uring", "udp")]
    public async Task A_drain_lets_who_works_finish_and_cuts_who_does_not(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { Workers = 2 });
        using var client = new DatagramAsker(server.Url);
        using var endless = new DatagramAsker(server.Url);
        Assert.Equal("warm", await client.AskAsync("warm"));
        client.Send("wait 600");
        endless.Send("wait 60000");
        await Task.Delay(200); // that it is received
        DrainReport report = await server.Server.StopAsync(TimeSpan.FromSeconds(2)).Within("it is stopped", TimeSpan.FromSeconds(15));
        Assert.Equal("waited", await client.HearAsync(seconds: 1));
        Assert.InRange(report.Took, TimeSpan.FromSeconds(1.9), TimeSpan.FromSeconds(8));
        await Eventually.Until(() => !ChildProcesses.Of(Environment.ProcessId).Any(ChildProcesses.IsAlive), "no worker is left");
    }

    [Fact]
    public async Task A_drain_of_process_ends_with_the_last_datagram()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "udp").Spec with { DrainSeconds = 30 });
        using var client = new DatagramAsker(server.Url);
        client.Send("sleep 400");
        await Eventually.Until(() => server.Server.Datagrams.Received == 1, "it is received");
        DrainReport report = await server.Server.StopAsync().Within("it is drained", TimeSpan.FromSeconds(10));
        Assert.Equal("slept", await client.HearAsync(seconds: 1));
        Assert.True(report.Took < TimeSpan.FromSeconds(8), $"{report.Took}");
    }

    [Theory, Trait("Tier", "long"), InlineData("process"), InlineData("prefork+thread")]
    public async Task No_descriptor_is_left_of_many(string model)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, "udp").Spec with { Standby = 4 });
        using var client = new DatagramAsker(server.Url);
        Assert.Equal("first", await client.AskAsync("first"));
        await Eventually.Until(() => server.Server.Datagrams.Sent == (model == "process" ? 1 : 0), "it is over");
        int before = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal(Encoding.UTF8.GetBytes($"{i}"), await client.AskAsync(Encoding.UTF8.GetBytes($"{i}")));
        }

        await Eventually.Until(() => Directory.GetFileSystemEntries("/proc/self/fd").Length <= before + 4, "those of the workers are closed"); // as many may stand by
        await Eventually.Until(() => ChildProcesses.Of(Environment.ProcessId).All(ChildProcesses.IsAlive), "all that have ended are reaped");
    }
}
