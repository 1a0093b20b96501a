using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests.Processes;

/// <summary>How workers come and go while all is well.</summary>
[Collection(nameof(Alone))]
public sealed class WorkersLive
{
    [Fact]
    public async Task Twenty_clients_of_process_have_twenty_workers()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "tcp").Spec with { Standby = 4 });
        LineClient[] clients = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => LineClient.ConnectAsync(server.Url)));
        int[] pids = await Task.WhenAll(clients.Select(client => client.PidAsync())).Within("all are served", TimeSpan.FromSeconds(30));
        Assert.Equal(20, pids.Distinct().Count());
        Assert.Equal(20, server.Server.Connections);
        foreach (LineClient client in clients)
        {
            await client.DisposeAsync();
        }

        await server.EndedAsync(20);
        Assert.All(server.Ended, ended => Assert.Equal(CloseReason.Completed, ended.Reason));
        await Eventually.Until(() => server.Server.Connections == 0, "all have ended");
    }

    [Fact]
    public async Task The_maximum_of_workers_is_hard()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "tcp").Spec with { Most = 3, Standby = 2 });
        Assert.Equal(3, server.Server.MaxConnections);
        var served = new List<LineClient>();
        for (int i = 0; i < 3; i++)
        {
            served.Add(await LineClient.ConnectAsync(server.Url));
            Assert.Equal("in", await served[i].AskAsync("in"));
        }

        await using LineClient fourth = await LineClient.ConnectAsync(server.Url);
        Task<string> waits = fourth.AskAsync("fourth");
        Assert.NotSame(waits, await Task.WhenAny(waits, Task.Delay(300))); // nothing to wait for: nobody may serve it
        await served[0].DisposeAsync();
        Assert.Equal("fourth", await waits.Within("a worker is free"));
        await served[1].DisposeAsync();
        await served[2].DisposeAsync();
    }

    [Theory, InlineData("prefork+epoll"), InlineData("prefork+io_uring"), InlineData("prefork+thread"), InlineData("prefork+iterative")]
    public async Task A_worker_is_replaced_after_so_many_connections_and_nobody_notices(string model)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, "tcp").Spec with { PerWorker = 10, Workers = 1 });
        var pids = new HashSet<int>();
        long until = Environment.TickCount64 + 30_000;
        while (pids.Count < 4)
        {
            Assert.True(Environment.TickCount64 < until, $"{pids.Count} workers so far");
            await using LineClient client = await LineClient.ConnectAsync(server.Url);
            pids.Add(await client.PidAsync());
        }
    }

    [Fact]
    public async Task A_worker_with_too_much_memory_is_replaced()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("prefork+thread", "tcp").Spec with { WorkerMemory = 1 << 20, Workers = 1 });
        await using LineClient first = await LineClient.ConnectAsync(server.Url);
        int pid = await first.PidAsync();
        await Eventually.Until(() => Task.Run(async () =>
        {
            await using LineClient next = await LineClient.ConnectAsync(server.Url);
            return await next.PidAsync() != pid;
        }).Result, "another worker serves");
    }

    [Theory, InlineData("prefork+epoll", "tcp"), InlineData("prefork+thread", "unix"), InlineData("prefork+io_uring", "tcp"), InlineData("prefork+async", "tcp")]
    public async Task All_workers_are_replaced_one_by_one_and_nobody_is_refused(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { Workers = 2 });
        int[] before = ChildProcesses.Of(Environment.ProcessId);
        await using LineClient lasting = await LineClient.ConnectAsync(server.Url);
        int lastingPid = await lasting.PidAsync();
        using var stop = new CancellationTokenSource();
        Task<int>[] asking = [.. Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            int answered = 0;
            for (; !stop.IsCancellationRequested; answered++)
            {
                await using LineClient client = await LineClient.ConnectAsync(server.Url);
                Assert.Equal("ask", await client.AskAsync("ask"));
            }

            return answered;
        }))];
        await server.Server.RestartWorkersAsync().Within("all are replaced", TimeSpan.FromSeconds(30));
        await Eventually.Until(() => Task.Run(async () =>
        {
            await using LineClient client = await LineClient.ConnectAsync(server.Url);
            return Array.IndexOf(before, await client.PidAsync()) < 0;
        }).Result, "a new one serves");
        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(asking).Within("the clients ended"), count => Assert.True(count > 0));
        Assert.False(await lasting.Raw.WaitForEndAsync()); // it waited idle: its worker, told to leave, has ended it without a reset
        await Eventually.Until(() => !ChildProcesses.IsAlive(lastingPid), "its worker has left");
    }

    [Theory, MemberData(nameof(WorkerCell.Kinds), MemberType = typeof(WorkerCell))]
    public async Task A_drain_ends_who_waits_lets_who_works_finish_and_reports(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { DrainSeconds = 20, Workers = 2 });
        await using LineClient idle = await LineClient.ConnectAsync(server.Url);
        await using LineClient busy = await LineClient.ConnectAsync(server.Url);
        Assert.Equal("idle", await idle.AskAsync("idle"));
        Assert.Equal("busy", await busy.AskAsync("busy"));
        Task<string> works = busy.AskAsync("wait 500");
        await Task.Delay(100); // that it has the line
        Task<DrainReport> stopping = server.Server.StopAsync();
        Assert.False(await idle.Raw.WaitForEndAsync());
        Assert.Equal("waited", await works);
        DrainReport report = await stopping.Within("it is drained", TimeSpan.FromSeconds(15));
        Assert.Equal((2, 0), (report.Ended, report.Cut));
        Assert.True(report.Took < TimeSpan.FromSeconds(10), $"{report.Took}");
    }

    [Theory, MemberData(nameof(WorkerCell.Kinds), MemberType = typeof(WorkerCell))]
    public async Task Who_does_not_finish_is_cut(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { Workers = 2 });
        await using LineClient busy = await LineClient.ConnectAsync(server.Url);
        Assert.Equal("busy", await busy.AskAsync("busy"));
        Task ends = busy.EndByAsync("wait 60000");
        await Task.Delay(100); // that it has the line
        DrainReport report = await server.Server.StopAsync(TimeSpan.FromMilliseconds(300)).Within("it is stopped");
        await ends.Within("it is cut");
        Assert.Equal((0, 1), (report.Ended, report.Cut));
    }

    [Theory, InlineData("process"), InlineData("prefork")]
    public async Task A_program_with_two_servers_has_workers_of_both(string model)
    {
        ServerSpec one = new WorkerCell(model, "tcp").Spec;
        ServerSpec two = new WorkerCell(model, "unix").Spec;
        await using ChildServer program = await ChildServer.StartAsync([ChildServer.Program, "spec", $"{one}", $"{two}"]);
        await using LineClient first = await LineClient.ConnectAsync(program.Url);
        await using LineClient second = await LineClient.ConnectAsync(SocketAddressUrl.Parse(two.Url));
        Assert.Equal("one", await first.AskAsync("one"));
        Assert.Equal("two", await second.AskAsync("two"));
        Assert.NotEqual(await first.PidAsync(), await second.PidAsync());
    }

    [Theory]
    [InlineData("process", true), InlineData("process", false), InlineData("prefork", true), InlineData("prefork", false)]
    public async Task A_program_is_started_again_whether_it_has_a_host_of_its_own_or_not(string model, bool byDotnet)
    {
        ServerSpec spec = new WorkerCell(model, "tcp").Spec;
        string[] words = byDotnet ? ["dotnet", ChildServer.Program + ".dll", "spec", $"{spec}"] : [ChildServer.Program, "spec", $"{spec}"];
        await using ChildServer program = await ChildServer.StartAsync(words);
        await using LineClient client = await LineClient.ConnectAsync(program.Url);
        int pid = await client.PidAsync();
        Assert.NotEqual(program.ServerPid, pid);
        Assert.Equal(File.ReadAllText($"/proc/{program.ServerPid}/cmdline"), File.ReadAllText($"/proc/{pid}/cmdline"));
        Assert.Equal("Sluice.TestServ", File.ReadAllText($"/proc/{(byDotnet ? program.ServerPid : pid)}/comm").Trim().Replace("dotnet", "Sluice.TestServ", StringComparison.Ordinal));
    }
}
