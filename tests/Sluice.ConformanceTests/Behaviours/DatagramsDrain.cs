using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>What a stop does to datagrams.</summary>
public sealed class DatagramsDrain
{
    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task A_stop_returns_at_once_when_nothing_runs_and_the_address_is_free(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        string? url = null;
        for (int i = 0; i < 3; i++)
        {
            await using DatagramServer server = await cell.StartAsync(async context =>
            {
                await Task.Yield(); // handlers that have waited are over like others
                await context.ReplyAsync(context.Payload);
            }, options =>
            {
                if (url is not null)
                {
                    options.Listen.Add(url);
                }
            });
            url = server.Url.ToString();
            await server.AssertServesAsync();
            DrainReport report = await server.Server.StopAsync(TimeSpan.FromSeconds(30)).Within("the server stopped");
            Assert.True(report.Took < TimeSpan.FromSeconds(3), $"the stop took {report.Took}");
            Assert.False(cell.IsUnix && File.Exists(server.Url.Path), "the file outlived its server");
        }
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task A_handler_that_waits_ends_by_itself_and_its_reply_arrives(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bool wasAsked = false;
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            begun.SetResult();
            await release.Task;
            wasAsked = context.Stopping.IsCancellationRequested;
            await context.ReplyAsync(context.Payload);
        });
        using RawDatagramClient client = server.Connect();
        await client.SendAsync("the last words");
        await begun.Task.Within("the handler began");
        Task<DrainReport> stopping = server.Server.StopAsync(TimeSpan.FromSeconds(20));
        await Eventually.Never(() => stopping.IsCompleted, TimeSpan.FromMilliseconds(50), "the stop did not wait");
        release.SetResult();
        Assert.Equal("the last words", await client.ReceiveTextAsync());
        Assert.True((await stopping.Within("the server stopped")).Took < TimeSpan.FromSeconds(8));
        Assert.False(wasAsked, "it was told to give up within the drain");
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task A_handler_that_would_never_end_is_told_at_the_deadline_and_the_address_is_free(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            begun.SetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, context.Stopping);
            }
            finally
            {
                told.SetResult();
            }
        });
        using RawDatagramClient client = server.Connect();
        await client.SendAsync("wait for ever");
        await begun.Task.Within("the handler began");
        DrainReport report = await server.Server.StopAsync(TimeSpan.FromMilliseconds(100)).Within("the server stopped");
        Assert.True(told.Task.IsCompleted, "the handler was not told");
        Assert.InRange(report.Took.TotalMilliseconds, 80, 4_000);
        await using DatagramServer heir = await cell.StartEchoAsync(options => options.Listen.Add(server.Url.ToString()));
        await heir.AssertServesAsync();
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task A_stop_that_waits_for_nobody_frees_the_address_when_the_last_handler_has_ended(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            begun.TrySetResult();
            await release.Task;
            await context.ReplyAsync(context.Payload);
        }, options => options.IndependentThreads = true);
        using RawDatagramClient client = server.Connect();
        await client.SendAsync("late");
        await begun.Task.Within("the handler began");
        Assert.True((await server.Server.StopAsync().Within("the server stopped")).Took < TimeSpan.FromSeconds(5));
        release.SetResult();
        Assert.Equal("late", await client.ReceiveTextAsync());
        await Eventually.Until(() => CanServe().Result, "the address is free");

        async Task<bool> CanServe()
        {
            try
            {
                await using DatagramServer heir = await cell.StartEchoAsync(options => options.Listen.Add(server.Url.ToString()));
                return true;
            }
            catch (SluiceException error) when (error.Id == ErrorIds.AddressInUse)
            {
                return false;
            }
        }
    });
}

[Collection(nameof(Alone))]
public sealed class DatagramServersComeAndGo
{
    [Theory, MemberData(nameof(Matrix.DatagramKindCells), MemberType = typeof(Matrix))]
    public Task A_dozen_of_them_leave_nothing_behind(string model, string transport) => ComeAndGoAsync(model, transport, 12);

    [Theory, Trait("Tier", "long"), MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task Fifty_of_them_leave_nothing_behind(string model, string transport) => ComeAndGoAsync(model, transport, 50);

    private static Task ComeAndGoAsync(string model, string transport, int servers) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        await OnceAsync();
        int sockets = ProcessCounters.Sockets();
        int watches = ProcessCounters.Watches();
        int threads = ProcessCounters.OwnThreads();
        for (int i = 0; i < servers; i++)
        {
            await OnceAsync();
        }

        await Eventually.Until(() => ProcessCounters.Sockets() <= sockets + 1, $"{sockets} sockets are open again, not {ProcessCounters.Sockets()}");
        await Eventually.Until(() => ProcessCounters.Watches() <= watches + 1, $"{watches} eventfds, epolls and rings are open again, not {ProcessCounters.Watches()}");
        await Eventually.Until(() => ProcessCounters.OwnThreads() <= threads, $"our threads are {threads} again, not {ProcessCounters.OwnThreads()}");

        async Task OnceAsync()
        {
            await using DatagramServer server = await cell.StartAsync(async context =>
            {
                await Task.Yield();
                await context.ReplyAsync(context.Payload);
            }, options => options.Threads = 4);
            await server.AssertServesAsync();
        }
    });
}
