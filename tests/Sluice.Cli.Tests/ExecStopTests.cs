using System.Diagnostics;
using System.Globalization;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class ExecStopTests
{
    // Says goodbye at SIGTERM. A trap runs when a builtin's wait ends, at once.
    private const string Polite = "trap 'echo bye; exit 7' TERM; echo ready; read line";

    private const string Deaf = "trap '' TERM; echo ready; exec sleep 1000";

    [Theory]
    [InlineData("")]
    [InlineData("--model iterative")]
    [InlineData("--model async")]
    [InlineData("--model epoll")]
    [InlineData("--model process --standby 1")]
    [InlineData("--model prefork --workers 1 --inner thread")]
    public async Task A_drain_waits_for_the_program(string options)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync(options, "cat");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        client.Send("hello");
        Assert.Equal("hello", client.ReceiveText(5));
        sluice.Signal("TERM");
        await Eventually.ThrowsAsync<System.Net.Sockets.SocketException>(() => RawClient.Connect(port).Dispose());

        client.Send("still there");
        Assert.Equal("still there", client.ReceiveText(11));
        client.Finish();

        Assert.Empty(client.ReceiveToEnd());
        Assert.Equal(0, await sluice.EndAsync());
        Assert.Contains("connections ended by themselves, 0 were cut", sluice.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--model iterative")]
    [InlineData("--model async")]
    [InlineData("--model epoll")]
    [InlineData("--model process --standby 1")]
    [InlineData("--model prefork --workers 1 --inner thread")]
    public async Task At_the_cut_the_program_is_asked_to_end(string options)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync($"--drain 200ms {options}", "sh", "-c", Polite);
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        Assert.Equal("ready\n", client.ReceiveText(6));

        sluice.Signal("TERM");

        Assert.Equal("bye\n"u8.ToArray(), client.ReceiveToEnd());
        Assert.Equal(0, await sluice.EndAsync());
        Assert.Contains("0 connections ended by themselves, 1 were cut", sluice.Errors, StringComparison.Ordinal);
        Assert.Contains("exited with 7", sluice.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--model async")]
    [InlineData("--model epoll")]
    [InlineData("--model process --standby 1")]
    public async Task A_program_that_does_not_end_is_killed_a_second_later(string options)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync($"--drain 1h {options}", "sh", "-c", Deaf);
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        Assert.Equal("ready\n", client.ReceiveText(6));
        sluice.Signal("TERM");
        await sluice.ErrorSaysAsync("stopping: 1 connections");
        long began = Stopwatch.GetTimestamp();

        sluice.Signal("TERM"); // now

        Assert.Empty(client.ReceiveToEnd());
        Assert.Equal(0, await sluice.EndAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0.9, 5);
        Assert.Contains("was ended by SIGKILL", sluice.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("--model async")]
    [InlineData("--model epoll")]
    public async Task The_lifetime_ends_the_program_and_what_it_has_left_behind(string options)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync($"--lifetime 300ms {options}", "sh", "-c", "exec 3<&0; cat <&3 & echo ready; wait");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        Assert.Equal("ready\n", client.ReceiveText(6));

        Assert.Empty(client.ReceiveToEnd()); // the shell has the SIGTERM, and cat the end of its input

        await sluice.ErrorSaysAsync("was ended by SIGTERM");
        await sluice.ErrorSaysAsync("SLU0204");
    }

    [Theory]
    [InlineData("")]
    [InlineData("--model async")]
    [InlineData("--model epoll")]
    [InlineData("--model process --standby 1")]
    public async Task A_process_that_the_program_leaves_behind_keeps_the_connection(string options)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync($"--log-level debug {options}", "sh", "-c", "exec 3<&0; cat <&3 2>/dev/null & echo ready");
        await using SluiceProcess _ = sluice;
        using RawClient client = RawClient.Connect(port);
        Assert.Equal("ready\n", client.ReceiveText(6));
        await sluice.ErrorSaysAsync("A connection ended: Completed");

        client.Send("hello");
        Assert.Equal("hello", client.ReceiveText(5));

        Assert.Equal(0, await sluice.StopAsync());
        client.Send("you");
        Assert.Equal("you", client.ReceiveText(3));
    }

    // What nobody watches any more must not wake a loop for ever: a level-triggered hang-up cannot be looked away from.
    [Theory]
    [InlineData("select")]
    [InlineData("poll")]
    [InlineData("epoll")]
    [InlineData("async")]
    public async Task A_peer_that_resets_leaves_the_loop_in_peace(string model)
    {
        (SluiceProcess sluice, int port) = await Exec.ServeAsync($"--model {model}", "sh", "-c", "echo $$; exec sleep 1000");
        await using SluiceProcess _ = sluice;
        using (RawClient gone = RawClient.Connect(port))
        {
            gone.Send("nobody reads this");
            gone.ReceiveText(2);
            gone.Socket.LingerState = new System.Net.Sockets.LingerOption(true, 0);
        }

        // A second connection of the same loop is served after the reset has arrived, and its end too.
        using RawClient next = RawClient.Connect(port);
        int child = int.Parse(ReadLine(next), CultureInfo.InvariantCulture);
        TimeSpan before = Used();
        await Task.Delay(500); // a window to measure in, not a state
        TimeSpan used = Used() - before;
        Assert.True(used < TimeSpan.FromMilliseconds(250), $"{used.TotalMilliseconds} ms of processor time in 500 ms of nothing");
        Process.GetProcessById(child).Kill();
        Assert.Empty(next.ReceiveToEnd());
        foreach (int left in Exec.ChildrenOf(sluice))
        {
            Process.GetProcessById(left).Kill();
        }

        Assert.Equal(0, await sluice.StopAsync());

        TimeSpan Used()
        {
            sluice.Process.Refresh();
            return sluice.Process.TotalProcessorTime;
        }
    }

    private static string ReadLine(RawClient client)
    {
        string line = "";
        while (!line.EndsWith('\n'))
        {
            line += client.ReceiveText(1);
        }

        return line;
    }
}
