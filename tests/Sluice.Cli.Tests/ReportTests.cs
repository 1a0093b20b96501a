using System.Text.Json;
using System.Text.RegularExpressions;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed partial class ReportTests
{
    [Fact]
    public async Task Models_lists_every_model_and_what_it_is()
    {
        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["models"]);

        Assert.Equal((0, ""), (code, errors));
        string[] lines = printed.Split('\n');
        Assert.Matches("^model +concurrent", lines[0]);
        Assert.Contains(lines, line => line.StartsWith("auto ", StringComparison.Ordinal) && Auto().IsMatch(line));
        Assert.Contains(lines, line => line.StartsWith("threadpool ", StringComparison.Ordinal) && line.EndsWith("a fixed number of threads and a bounded queue", StringComparison.Ordinal));
        Assert.Matches("^process +yes +all +safe +apart +its connection +a fresh process", lines.Single(line => line.StartsWith("process ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Models_as_JSON_has_every_capability()
    {
        (_, string printed, _) = await SluiceProcess.RunAsync(["models", "--json"]);
        JsonElement report = JsonDocument.Parse(printed).RootElement;

        Dictionary<string, JsonElement> models = report.GetProperty("models").EnumerateArray().ToDictionary(model => model.GetProperty("name").GetString()!, StringComparer.Ordinal);
        Assert.Equal(["async", "epoll", "io_uring", "iterative", "poll", "prefork", "process", "select", "thread", "threadpool"], models.Keys.Order(StringComparer.Ordinal), StringComparer.Ordinal);
        Assert.False(models["iterative"].GetProperty("capabilities").GetProperty("concurrent").GetBoolean());
        Assert.Equal(["prefork", "process"], models.Where(model => !model.Value.GetProperty("capabilities").GetProperty("sharesMemory").GetBoolean()).Select(model => model.Key).Order(StringComparer.Ordinal), StringComparer.Ordinal);
        Assert.True(report.GetProperty("auto").GetString() is "io_uring" or "epoll");
    }

    [Fact]
    public async Task Doctor_says_value_verdict_and_advice_of_everything()
    {
        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["doctor", "--json"]);

        Assert.Equal((0, ""), (code, errors));
        JsonElement[] findings = [.. JsonDocument.Parse(printed).RootElement.GetProperty("findings").EnumerateArray()];
        string[] names = [.. findings.Select(finding => finding.GetProperty("name").GetString()!)];
        Assert.Superset(
            new HashSet<string>(StringComparer.Ordinal) { "RLIMIT_NOFILE", "net.core.somaxconn", "kernel.threads-max", "kernel.pid_max", "net.ipv4.ip_local_port_range", "ListenOverflows", "ListenDrops", "kernel.io_uring_disabled", "RLIMIT_MEMLOCK" },
            names.ToHashSet(StringComparer.Ordinal));
        Assert.All(findings, finding =>
        {
            Assert.NotEmpty(finding.GetProperty("value").GetString()!);
            Assert.NotEmpty(finding.GetProperty("advice").GetString()!);
            Assert.Matches("^(ok|limits|bad|unknown)$", finding.GetProperty("verdict").GetString());
        });
        Assert.Equal(File.ReadAllText("/proc/sys/net/core/somaxconn").Trim(), findings[Array.IndexOf(names, "net.core.somaxconn")].GetProperty("value").GetString());
    }

    [Fact]
    public async Task Doctor_sees_a_low_limit_of_descriptors()
    {
        (_, string printed, _) = await SluiceProcess.RunAsync(["doctor"], wrapper: ["sh", "-c", "ulimit -n 512; exec \"$@\"", "sh"]);

        Assert.Contains(printed.Split('\n'), line =>
            line.StartsWith("RLIMIT_NOFILE", StringComparison.Ordinal) && line.Contains("soft 512, hard 512", StringComparison.Ordinal) && line.Contains("limits", StringComparison.Ordinal));
    }

    // io_uring where the kernel lets it run, else epoll.
    [GeneratedRegex("stands for (io_uring|epoll) on this machine$", RegexOptions.None, 5000)]
    private static partial Regex Auto();
}
