using Microsoft.AspNetCore.Connections;
using Sluice.Sessions;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>What a stop does to the sessions of datagram peers.</summary>
public sealed class SessionsDrain
{
    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task A_session_that_waits_ends_at_once_and_may_say_goodbye(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var reason = CloseReason.None;
        await using DatagramServer server = await StartAsync(cell, async session =>
        {
            await EchoAsync(session);
            reason = ReasonOf(session);
            await session.Transport.Output.WriteAsync("goodbye"u8.ToArray());
        });
        using RawDatagramClient client = server.Connect();
        Assert.Equal("hello", await client.AskAsync("hello"));
        DrainReport report = await server.Server.StopAsync(TimeSpan.FromSeconds(30)).Within("the server stopped");
        Assert.True(report.Took < TimeSpan.FromSeconds(3), $"the stop took {report.Took}");
        Assert.Equal("goodbye", await client.ReceiveTextAsync());
        Assert.Equal(CloseReason.Drained, reason);
    });

    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task A_session_that_waits_for_something_else_answers_after_the_stop_began(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using DatagramServer server = await StartAsync(cell, async session =>
        {
            begun.SetResult();
            await release.Task;
            await EchoAsync(session);
        });
        using RawDatagramClient client = server.Connect();
        await client.SendAsync("the last words");
        await begun.Task.Within("the handler began");
        Task<DrainReport> stopping = server.Server.StopAsync(TimeSpan.FromSeconds(20));
        await Eventually.Never(() => stopping.IsCompleted, TimeSpan.FromMilliseconds(100), "the stop did not wait");
        release.SetResult();
        Assert.Equal("the last words", await client.ReceiveTextAsync());
        Assert.True((await stopping.Within("the server stopped")).Took < TimeSpan.FromSeconds(8));
        await using DatagramServer heir = await StartAsync(cell, EchoAsync, options => options.Listen.Add(server.Url.ToString()));
        await heir.AssertServesAsync();
    });

    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task A_session_that_would_never_end_is_cut_at_the_deadline(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var told = new TaskCompletionSource<CloseReason>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using DatagramServer server = await StartAsync(cell, async session =>
        {
            begun.SetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, session.ConnectionClosed);
            }
            finally
            {
                told.SetResult(ReasonOf(session));
            }
        });
        using RawDatagramClient client = server.Connect();
        await client.SendAsync("wait for ever");
        await begun.Task.Within("the handler began");
        DrainReport report = await server.Server.StopAsync(TimeSpan.FromMilliseconds(300)).Within("the server stopped");
        Assert.Equal(CloseReason.DrainCut, await told.Task.Within("the handler was told"));
        Assert.InRange(report.Took.TotalMilliseconds, 250, 4_000);
        Assert.Empty(server.Failed);
        await using DatagramServer heir = await StartAsync(cell, EchoAsync, options => options.Listen.Add(server.Url.ToString()));
        await heir.AssertServesAsync();
    });

    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task A_stop_that_waits_for_nobody_waits_for_no_session(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using DatagramServer server = await StartAsync(cell, async session =>
        {
            begun.SetResult();
            await release.Task;
        }, options => options.IndependentThreads = true);
        using RawDatagramClient client = server.Connect();
        await client.SendAsync("late");
        await begun.Task.Within("the handler began");
        Assert.True((await server.Server.StopAsync(TimeSpan.FromSeconds(20)).Within("the server stopped")).Took < TimeSpan.FromSeconds(5));
        release.SetResult();
    });

    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task Serving_one_datagram_waits_for_no_session(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        await using var server = new DatagramServer(Build(cell, EchoAsync));
        Task<bool> serving = server.Server.HandleOneAsync();
        await Eventually.Until(() => server.Server.LocalUrls.Count > 0, "it is bound");
        using RawDatagramClient client = server.Connect();
        Assert.Equal("one", await client.AskAsync("one"));
        Assert.True(await serving.Within("one was served", TimeSpan.FromSeconds(5)));
    });

    internal static async Task<DatagramServer> StartAsync(DatagramCell cell, Func<ConnectionContext, Task> handler, Action<SocketServerOptions>? configure = null)
    {
        var running = new DatagramServer(Build(cell, handler, configure));
        await running.Server.StartAsync().Within("the server started");
        return running;
    }

    internal static async Task EchoAsync(ConnectionContext session)
    {
        while (await session.Transport.Input.ReadAsync() is { IsCompleted: false } read)
        {
            await session.Transport.Output.WriteAsync(read.Buffer.First);
            session.Transport.Input.AdvanceTo(read.Buffer.End);
        }
    }

    private static SocketServer Build(DatagramCell cell, Func<ConnectionContext, Task> handler, Action<SocketServerOptions>? configure = null)
    {
        var options = new SocketServerOptions { Model = cell.Model.Name };
        configure?.Invoke(options);
        if (options.Listen.Count == 0)
        {
            options.Listen.Add(cell.NewUrl());
        }

        return new SocketServer(handler.AsDatagramHandler(), options);
    }

    private static CloseReason ReasonOf(ConnectionContext session) => session.Features.Get<IConnectionCloseReason>()!.CloseReason;
}
