using System.Diagnostics;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class StopTests
{
    [Theory]
    [InlineData("TERM", "iterative")]
    [InlineData("INT", "thread")]
    [InlineData("TERM", "threadpool")]
    [InlineData("INT", "async")]
    public async Task A_signal_ends_idle_connections_and_exits_0(string signal, string model)
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "echo", "--model", model, "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        client.Send("hello");
        Assert.Equal("hello", client.ReceiveText(5));

        sluice.Signal(signal);

        Assert.Empty(client.ReceiveToEnd());
        client.Dispose();
        Assert.Equal(0, await sluice.EndAsync());
        Assert.Contains("[sluice] stopping: 1 connections have up to 10 s to end", sluice.Errors, StringComparison.Ordinal);
        Assert.Contains("[sluice] drained in ", sluice.Errors, StringComparison.Ordinal);
        Assert.Contains(": 1 connections ended by themselves, 0 were cut", sluice.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_drain_lets_work_in_flight_finish()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("demo", "thread", "--port", "0", "--lang", "zh");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        client.Send("work\n");
        await WaitForAsync(sluice, "从客户端接收到的请求: work");

        sluice.Signal("TERM");

        Assert.Equal("这是从服务端线程中发出的消息"u8.ToArray(), client.ReceiveToEnd());
        client.Dispose();
        Assert.Equal(0, await sluice.EndAsync());
        Assert.Contains("1 个连接自行结束, 0 个被切断", sluice.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("iterative")]
    [InlineData("thread")]
    [InlineData("threadpool")]
    [InlineData("async")]
    public async Task A_second_signal_means_now(string model)
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "chargen", "--model", model, "--drain", "1h", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        await StickAsync(client);
        sluice.Signal("TERM");
        await sluice.ErrorSaysAsync("[sluice] stopping: 1 connections have up to 3600 s");
        long began = Stopwatch.GetTimestamp();

        sluice.Signal("TERM");

        Assert.Equal(0, await sluice.EndAsync());
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(5));
        Assert.Contains("0 connections ended by themselves, 1 were cut", sluice.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_drain_s_deadline_cuts()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "chargen", "--drain", "300ms", "--model", "thread", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        await StickAsync(client);

        Assert.Equal(0, await sluice.StopAsync());
        Assert.Contains("1 were cut", sluice.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Whoever_comes_after_the_signal_is_refused()
    {
        (SluiceProcess sluice, int port) = await SluiceProcess.ServeAsync("serve", "chargen", "--model", "thread", "--listen", "tcp://127.0.0.1:0");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        await StickAsync(client);
        sluice.Signal("TERM");
        await sluice.ErrorSaysAsync("[sluice] stopping");

        // The listener closes right after that line.
        await Eventually.ThrowsAsync<System.Net.Sockets.SocketException>(() => RawClient.Connect(port).Dispose());
        Assert.False(sluice.Process.HasExited);
    }

    // A client that reads no more, until chargen's flush has nowhere to go: what lies here has not grown for a while.
    private static async Task StickAsync(RawClient client)
    {
        int last = -1;
        for (int still = 0; still < 20; await Task.Delay(20))
        {
            still = client.Socket.Available == last && last > 0 ? still + 1 : 0;
            last = client.Socket.Available;
        }
    }

    private static async Task WaitForAsync(SluiceProcess sluice, string line)
    {
        while (await sluice.LineAsync() != line)
        {
        }
    }
}
