using System.Diagnostics;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>accept(2) fails in a child process: by prlimit and by strace. A tool that is missing fails the test.</summary>
[Collection(nameof(Alone))]
public sealed class AcceptFaults
{
    private static readonly string[] Errors = ["ECONNABORTED", "EPROTO", "EPERM", "ENETDOWN", "EINTR", "ENOBUFS", "ENOMEM", "EMFILE", "ENFILE"];

    /// <summary>Every model with every error.</summary>
    public static TheoryData<string, string> All => Pairs((_, _) => true);

    /// <summary>Every model and every error, but not each with each.</summary>
    public static TheoryData<string, string> Few => Pairs((model, error) => model % Errors.Length == error);

    [Theory, MemberData(nameof(Few))]
    public Task A_server_outlives_an_accept_that_fails(string model, string error) => FailAsync(model, error);

    [Theory, Trait("Tier", "long"), MemberData(nameof(All))]
    public Task A_server_outlives_every_accept_that_fails(string model, string error) => FailAsync(model, error);

    [Theory, InlineData("iterative"), InlineData("epoll"), InlineData("io_uring"), InlineData("async")]
    public Task A_full_descriptor_table_neither_ends_nor_spins_the_server(string model) => FillAsync(model);

    [Theory, Trait("Tier", "long"), InlineData("thread"), InlineData("threadpool"), InlineData("select"), InlineData("poll")]
    public Task A_full_descriptor_table_neither_ends_nor_spins_the_others(string model) => FillAsync(model);

    private static async Task FillAsync(string model)
    {
        await using ChildServer server = await ChildServer.StartAsync("", model, "tcp://127.0.0.1:0");
        await using (RawClient first = await RawClient.ConnectAsync(server.Url))
        {
            Assert.Equal("before", await first.EchoAsync("before"));
            // From outside: what is open stays, nothing more may be opened.
            int open = ProcessCounters.Descriptors(server.ServerPid);
            await LimitAsync(server.ServerPid, open);
            var waiting = new List<RawClient>();
            for (int i = 0; i < 5; i++)
            {
                waiting.Add(await RawClient.ConnectAsync(server.Url));
            }

            // The one being served goes on; iterative accepts again only once it has ended, and meets the limit then too.
            Assert.Equal("during", await first.EchoAsync("during"));
            TimeSpan cpu = ProcessCounters.Cpu(server.ServerPid);
            long since = Environment.TickCount64;
            int lines = server.Log.Count;
            await Eventually.Never(() => !server.IsAlive, TimeSpan.FromSeconds(3), "the server died");
            double seconds = (Environment.TickCount64 - since) / 1000.0;
            Assert.True((ProcessCounters.Cpu(server.ServerPid) - cpu).TotalSeconds / seconds < 0.2, "it spins");
            Assert.InRange(server.Log.Count - lines, 0, 4);
            Assert.Equal("still", await first.EchoAsync("still"));
            await LimitAsync(server.ServerPid, 1024);
            await first.DisposeAsync();
            var again = Stopwatch.StartNew();
            int closed = 0;
            foreach (RawClient client in waiting)
            {
                try
                {
                    Assert.Equal("after", await client.EchoAsync("after"));
                }
                catch (IOException)
                {
                    closed++; // it got the last descriptor, and there was none left to start its thread: closed, not left hanging
                }

                await client.DisposeAsync();
            }

            Assert.True(closed == 0 || model == "thread", $"{closed} that waited were closed");
            Assert.True(again.Elapsed < TimeSpan.FromSeconds(5), $"the waiting were served after {again.Elapsed}");
            await using RawClient fresh = await RawClient.ConnectAsync(server.Url);
            Assert.Equal("fresh", await fresh.EchoAsync("fresh"));
        }

        Assert.True(server.IsAlive);
    }

    private static async Task LimitAsync(int pid, int descriptors)
    {
        using Process prlimit = Process.Start("prlimit", ["--pid", $"{pid}", $"--nofile={descriptors}:"]);
        await prlimit.WaitForExitAsync().Within("prlimit ended");
        Assert.Equal(0, prlimit.ExitCode);
    }

    // The first five accepts fail. The connection stays queued, so every one is about the same client.
    private static async Task FailAsync(string model, string error)
    {
        await using ChildServer server = await ChildServer.StartAsync($"strace -f -qq -o /dev/null -e trace=accept4 -e inject=accept4:error={error}:when=1..5", model, "tcp://127.0.0.1:0");
        await using RawClient client = await RawClient.ConnectAsync(server.Url);
        Assert.Equal("served", await client.EchoAsync("served"));
        Assert.True(server.IsAlive);
        Assert.InRange(server.Log.Count(line => line.Line.Contains("SLU030", StringComparison.Ordinal)), 0, 3);
    }

    private static TheoryData<string, string> Pairs(Func<int, int, bool> chosen)
    {
        var pairs = new TheoryData<string, string>();
        int number = 0;
        foreach (TheoryDataRow<string> model in Matrix.Models)
        {
            for (int error = 0; error < Errors.Length; error++)
            {
                if (chosen(number, error))
                {
                    pairs.Add(model.Data, Errors[error]);
                }
            }

            number++;
        }

        return pairs;
    }
}
