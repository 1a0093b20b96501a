using System.Collections.Concurrent;
using System.Diagnostics;
using Sluice.Testing;
using Sluice.Transports;

namespace Sluice.ConformanceTests.Processes;

/// <summary>What a worker does not survive harms its own connections and nothing else.</summary>
[Collection(nameof(Alone))]
public sealed class WorkersFail
{
    [Theory]
    [InlineData("process", "failfast")]
    [InlineData("process", "overflow")]
    [InlineData("process", "allocate")]
    [InlineData("process", "spin")]
    [InlineData("process", "exit")]
    [InlineData("prefork+thread", "failfast")]
    [InlineData("prefork+epoll", "overflow")]
    [InlineData("prefork+thread", "allocate")]
    [InlineData("prefork+epoll", "spin")]
    [InlineData("prefork+iterative", "exit")]
    public async Task A_crash_ends_the_connections_of_its_worker_only(string model, string crash)
    {
        var noticed = new ConcurrentQueue<string>();
        await using RunningServer server = await WorkerCell.StartAsync(
            new WorkerCell(model, "tcp").Spec with { HeapLimit = 64 << 20, ProcessorSeconds = crash == "spin" ? 2 : null, HangsAfterSeconds = 3, Workers = 2 });
        server.Server.Events.Noticed += noticed.Enqueue;
        await using LineClient golden = await LineClient.ConnectAsync(server.Url);
        int goldenPid = await golden.PidAsync();
        await using (LineClient other = await AnotherWorkerAsync(server.Url, goldenPid))
        {
            await other.EndByAsync(crash).Within($"{crash} ended its connection", TimeSpan.FromSeconds(40));
        }

        Assert.Equal("alive", await golden.AskAsync("alive"));
        Assert.Equal(goldenPid, await golden.PidAsync());
        if (crash == "allocate" && noticed.IsEmpty)
        {
            return; // its allocation failed, which is an exception like any other
        }

        await Eventually.Until(() => noticed.Any(line => line.StartsWith(ErrorIds.WorkerDied, StringComparison.Ordinal)), "it is told of");
        await using LineClient next = await AnotherWorkerAsync(server.Url, goldenPid);
        if (model == "process")
        {
            Assert.Equal(CloseReason.WorkerDied, (await server.EndedAsync()).Reason);
        }
    }

    [Theory, Trait("Tier", "long"), InlineData("process"), InlineData("prefork+epoll")]
    public async Task No_zombie_and_no_descriptor_is_left_of_many(string model)
    {
        int[] childrenBefore = ChildProcesses.Of(Environment.ProcessId);
        int descriptorsBefore;
        await using (RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, "tcp").Spec with { PerWorker = 20, Standby = 4 }))
        {
            await server.AssertServesLinesAsync();
            descriptorsBefore = Directory.GetFileSystemEntries("/proc/self/fd").Length;
            for (int i = 0; i < 50; i++)
            {
                await server.AssertServesLinesAsync();
            }

            await Eventually.Until(() => ChildProcesses.Of(Environment.ProcessId).All(ChildProcesses.IsAlive), "all that have ended are reaped");
        }

        Assert.Equal(childrenBefore, ChildProcesses.Of(Environment.ProcessId));
        Assert.InRange(Directory.GetFileSystemEntries("/proc/self/fd").Length, 0, descriptorsBefore);
    }

    [Theory, InlineData("process"), InlineData("prefork+thread"), InlineData("prefork+io_uring")]
    public async Task Workers_leave_when_their_master_dies(string model)
    {
        ServerSpec spec = new WorkerCell(model, "tcp").Spec with { DrainSeconds = 1 };
        await using ChildServer server = await ChildServer.StartAsync(spec);
        await using LineClient busy = await LineClient.ConnectAsync(server.Url);
        int pid = await busy.PidAsync();
        int[] workers = ChildProcesses.Of(server.ServerPid);
        Assert.Contains(pid, workers);
        ChildProcesses.Signal(server.ServerPid, "KILL");
        await Eventually.Until(() => !Array.Exists(workers, ChildProcesses.IsAlive), "all workers have left", TimeSpan.FromSeconds(6));
    }

    [Fact]
    public async Task A_worker_that_hangs_is_replaced_and_the_others_serve()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("prefork+epoll", "tcp").Spec with { HangsAfterSeconds = 1, Workers = 2 });
        await using LineClient golden = await LineClient.ConnectAsync(server.Url);
        int goldenPid = await golden.PidAsync();
        int hung = ChildProcesses.Of(Environment.ProcessId).Single(pid => pid != goldenPid);
        ChildProcesses.Signal(hung, "STOP");
        Assert.Equal("alive", await golden.AskAsync("alive"));
        await Eventually.Until(() => !ChildProcesses.IsAlive(hung), "it is killed");
        await using LineClient next = await AnotherWorkerAsync(server.Url, goldenPid);
        Assert.NotEqual(hung, await next.PidAsync());
        Assert.Equal("alive", await golden.AskAsync("alive"));
    }

    [Fact]
    public async Task A_blocked_loop_is_a_hung_worker()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("prefork+epoll", "tcp").Spec with { HangsAfterSeconds = 1, Workers = 1 });
        await using LineClient client = await LineClient.ConnectAsync(server.Url);
        await client.EndByAsync("spin").Within("it is killed", TimeSpan.FromSeconds(20));
        await server.AssertServesLinesAsync();
    }

    [Theory, InlineData("process"), InlineData("prefork+epoll")]
    public Task Workers_are_killed_under_load(string model) => KillUnderLoadAsync(model, TimeSpan.FromSeconds(3));

    [Theory, Trait("Tier", "long"), InlineData("process"), InlineData("prefork+epoll"), InlineData("prefork+thread")]
    public Task Workers_are_killed_under_load_for_long(string model) => KillUnderLoadAsync(model, TimeSpan.FromSeconds(30));

    [Fact]
    public async Task A_program_that_cannot_serve_is_told_of_when_the_server_starts()
    {
        ServerSpec spec = new WorkerCell("process", "tcp").Spec with { Program = ["/bin/sh", "-c", "exit 7"] };
        await using SocketServer dies = spec.ToBuilder().Build();
        SluiceException died = await Assert.ThrowsAsync<SluiceException>(() => dies.StartAsync().Within("it is noticed"));
        Assert.Equal(ErrorIds.WorkerNotReady, died.Id);
        Assert.Contains("exited with 7", died.Message, StringComparison.Ordinal);

        await using SocketServer never = (spec with { Model = "prefork", Program = ["/bin/sleep", "60"] }).ToBuilder()
            .Configure(options => options.Workers.ReadyWithin = TimeSpan.FromMilliseconds(300)).Build();
        SluiceException late = await Assert.ThrowsAsync<SluiceException>(() => never.StartAsync().Within("it is noticed"));
        Assert.Equal(ErrorIds.WorkerNotReady, late.Id);
        Assert.Contains("within 0.3 s", late.Message, StringComparison.Ordinal);

        await using SocketServer missing = (spec with { Program = ["/no/such/program"] }).ToBuilder().Build();
        Assert.Equal(ErrorIds.WorkerNotStarted, (await Assert.ThrowsAsync<SluiceException>(() => missing.StartAsync().Within("it is noticed"))).Id);
    }

    // Somebody whose worker is not the one of that number.
    private static async Task<LineClient> AnotherWorkerAsync(SocketAddressUrl url, int than)
    {
        long until = Environment.TickCount64 + 20_000;
        while (Environment.TickCount64 < until)
        {
            LineClient client = await LineClient.ConnectAsync(url);
            if (await client.PidAsync() != than)
            {
                return client;
            }

            await client.DisposeAsync();
        }

        throw new TimeoutException("Every connection goes to the same worker.");
    }

    // A worker dies every 100 ms. Who asks the whole time is never without an answer for a second; whoever's worker lives does not notice.
    private static async Task KillUnderLoadAsync(string model, TimeSpan time)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, "tcp").Spec with { Workers = 4, Standby = 8 });
        await using LineClient golden = await LineClient.ConnectAsync(server.Url);
        int goldenPid = await golden.PidAsync();
        using var stop = new CancellationTokenSource(time);
        var answers = new ConcurrentQueue<long>();
        Task[] asking = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() => AskAsync(server.Url, answers, stop.Token)))];
        var killed = 0;
        while (!stop.IsCancellationRequested)
        {
            int[] others = [.. ChildProcesses.Of(Environment.ProcessId).Where(pid => pid != goldenPid && ChildProcesses.IsAlive(pid))];
            if (others.Length > 0)
            {
                ChildProcesses.Signal(others[Random.Shared.Next(others.Length)], "KILL");
                killed++;
            }

            await Task.Delay(100, CancellationToken.None); // the pace, not a wait for a state
        }

        await Task.WhenAll(asking).Within("the clients ended", TimeSpan.FromSeconds(20));
        Assert.True(killed > 10);
        long[] times = [.. answers];
        TimeSpan silence = times.Zip(times.Skip(1), Stopwatch.GetElapsedTime).Max();
        Assert.True(silence < TimeSpan.FromSeconds(1), $"nobody was answered for {silence}");
        Assert.Equal(goldenPid, await golden.PidAsync());
    }

    private static async Task AskAsync(SocketAddressUrl url, ConcurrentQueue<long> answers, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using LineClient client = await LineClient.ConnectAsync(url);
                Assert.Equal("ask", await client.AskAsync("ask"));
                answers.Enqueue(Stopwatch.GetTimestamp());
            }
            catch (Exception error) when (error is EndOfStreamException or PeerResetException or System.Net.Sockets.SocketException)
            {
                // Its worker was killed: it asks again.
            }
        }
    }
}
