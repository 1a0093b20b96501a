using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>The kernel does not let this process use io_uring: a seccomp filter, as container runtimes set it, answers EPERM.</summary>
public sealed class IoUringRefused
{
    private const string RefusedModel = "SLU0106";

    private static string Launcher => $"python3 {Path.Combine(AppContext.BaseDirectory, "refuse-io-uring.py")}";

    [Fact]
    public async Task Auto_serves_and_says_in_one_line_why_not_by_io_uring()
    {
        await using ChildServer server = await ChildServer.StartAsync(Launcher, "auto", "tcp://127.0.0.1:0");
        await using RawClient client = await RawClient.ConnectAsync(server.Url);
        Assert.Equal("served", await client.EchoAsync("served"));
        await Eventually.Until(() => Reasons().Length > 0, "it says why not by io_uring");
        string reason = Assert.Single(Reasons());
        Assert.Contains("epoll", reason, StringComparison.Ordinal);
        Assert.Contains("EPERM", reason, StringComparison.Ordinal);

        string[] Reasons() => [.. server.Log.Select(line => line.Line).Where(line => line.Contains("io_uring", StringComparison.Ordinal))];
    }

    [Fact]
    public async Task The_model_by_name_is_refused_with_the_reason()
    {
        InvalidOperationException refusal = await Assert.ThrowsAsync<InvalidOperationException>(
            () => ChildServer.StartAsync(Launcher, "io_uring", "tcp://127.0.0.1:0"));
        Assert.Contains(RefusedModel, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("EPERM", refusal.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData("epoll"), InlineData("async")]
    public async Task Every_other_model_serves_as_ever(string model)
    {
        await using ChildServer server = await ChildServer.StartAsync(Launcher, model, "tcp://127.0.0.1:0");
        await using RawClient client = await RawClient.ConnectAsync(server.Url);
        Assert.Equal("served", await client.EchoAsync("served"));
        Assert.DoesNotContain(server.Log, line => line.Line.Contains("io_uring", StringComparison.Ordinal));
    }
}
