using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class SettingsTests
{
    [Theory]
    [InlineData(null, null, "thread", "thread")]
    [InlineData(null, "iterative", "thread", "iterative")]
    [InlineData("threadpool", "iterative", "thread", "threadpool")]
    [InlineData(null, "", "thread", "thread")]
    public async Task Command_line_goes_before_environment_before_configuration(string? option, string? variable, string? configured, string expected)
    {
        using var directory = new TemporaryDirectory();
        string config = directory.File("sluice.json", $$"""{ "model": "{{configured}}", /* said here only */ "listen": ["tcp://127.0.0.1:0"], "drain": "1s", }""");
        string[] words = ["serve", "echo", "--config", config, .. option is null ? (string[])[] : ["--model", option]];
        await using SluiceProcess sluice = SluiceProcess.Start(words, variable is null ? [] : [("SLUICE_MODEL", variable)]);

        Assert.Contains($" model={expected} ", await sluice.LineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Everything_can_come_from_the_environment()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Of("a.sock");
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo"],
        [
            ("SLUICE_LISTEN", $"tcp://127.0.0.1:0 unix://{path}"),
            ("SLUICE_MODEL", "threadpool"),
            ("SLUICE_THREADS", "3"),
            ("SLUICE_QUEUE", "5"),
            ("SLUICE_JSON", "true"),
            ("SLUICE_MAX_CONNECTIONS", "7"),
            ("SLUICE_IDLE_TIMEOUT", "1m"),
            ("SLUICE_MIN_RATE", "1KiB/s"),
            ("SLUICE_WRITE_TIMEOUT", "off"),
        ]);

        Assert.Contains("\"model\":\"threadpool\"", await sluice.LineAsync(), StringComparison.Ordinal);
        Assert.Contains($"unix://{path}", await sluice.LineAsync(), StringComparison.Ordinal);
        await sluice.ErrorSaysAsync("[sluice] at most 7 connections");
    }

    [Theory]
    [InlineData("SLUICE_MAX_CONNECTIONS", "-1", "SLU0008", "SLUICE_MAX_CONNECTIONS cannot be '-1'")]
    [InlineData("SLUICE_LOOPS", "0", "SLU0008", "SLUICE_LOOPS cannot be '0'")]
    [InlineData("SLUICE_MODEL", "fibers", "SLU0003", "fibers")]
    [InlineData("SLUICE_JSON", "maybe", "SLU0008", "true or false")]
    public async Task A_wrong_variable_is_named(string name, string value, string id, string says)
    {
        (int code, _, string errors) = await SluiceProcess.RunAsync(["serve", "echo", "--listen", "tcp://127.0.0.1:0"], [(name, value)]);

        Assert.Equal(2, code);
        Assert.StartsWith($"sluice: {id} ", errors, StringComparison.Ordinal);
        Assert.Contains(says, errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SLUICE_LOOPS", "2", "--model", "thread", "SLUICE_LOOPS is for the models select")]
    [InlineData("SLUICE_THREADS", "2", "--model", "thread", "SLUICE_THREADS is for the model threadpool")]
    public async Task A_variable_that_the_model_cannot_honour_is_named(string name, string value, string option, string model, string says)
    {
        (int code, _, string errors) = await SluiceProcess.RunAsync(["serve", "echo", "--listen", "tcp://127.0.0.1:0", option, model], [(name, value)]);

        Assert.Equal(2, code);
        Assert.StartsWith($"sluice: SLU0105 {says}", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--model", "thread", "--loops", "2", "--listen", "udp://127.0.0.1:0?model=epoll")]
    [InlineData("--model", "thread", "--workers", "1", "--inner", "epoll", "--loops", "1", "--listen", "tcp://127.0.0.1:0?model=prefork")]
    [InlineData("--reuse-port", "--listen", "udp://127.0.0.1:0")]
    [InlineData("--reuse-port", "false", "--listen", "unixgram://@sluice-settings-{0}")]
    [InlineData("--max-datagrams", "5", "--max-datagram-size", "1KiB", "--receive-buffer", "64KiB", "--send-buffer", "64KiB", "--listen", "unixgram://@sluice-settings-{0}")]
    [InlineData("--max-datagrams", "5", "--listen", "tcp://127.0.0.1:0", "--listen", "udp://127.0.0.1:0?model=async")]
    [InlineData("--socket-mode", "600", "--listen", "unixgram:///tmp/sluice-settings-{0}.sock?model=thread")]
    public async Task What_one_of_the_addresses_honours_is_taken(params string[] options)
    {
        string[] words = [.. options.Select(option => option.Replace("{0}", $"{Environment.ProcessId}", StringComparison.Ordinal))];
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", .. words]);

        Assert.StartsWith("listening ", await sluice.LineAsync(), StringComparison.Ordinal);
        Assert.Equal(0, await sluice.StopAsync());
    }

    [Theory]
    [InlineData("SLUICE_MAX_DATAGRAMS", "5", "SLUICE_MAX_DATAGRAMS is for addresses of datagrams")]
    [InlineData("SLUICE_ALLOW_USER", "0", "SLUICE_ALLOW_USER is for Unix sockets, and there is none here: whoever comes would be served")]
    public async Task A_variable_that_no_address_honours_is_named(string name, string value, string says)
    {
        (int code, _, string errors) = await SluiceProcess.RunAsync(["serve", "echo", "--listen", "tcp://127.0.0.1:0"], [(name, value)]);

        Assert.Equal(2, code);
        Assert.StartsWith($"sluice: SLU0105 {says}", errors, StringComparison.Ordinal);
    }

    // Each loop of the demo says that it waits.
    [Theory]
    [InlineData("2", null)]
    [InlineData(null, "3")]
    [InlineData("2", "3")]
    public async Task Loops_can_come_from_the_environment_and_from_the_configuration(string? variable, string? configured)
    {
        using var directory = new TemporaryDirectory();
        string config = directory.File("sluice.json", configured is null ? "{}" : $$"""{ "loops": {{configured}} }""");
        await using SluiceProcess sluice = SluiceProcess.Start(
            ["demo", "select", "--port", "0", "--lang", "zh", "--config", config], variable is null ? [] : [("SLUICE_LOOPS", variable)]);
        int loops = int.Parse(variable ?? configured!, System.Globalization.CultureInfo.InvariantCulture);

        Assert.StartsWith("listening ", await sluice.LineAsync(), StringComparison.Ordinal);
        Assert.Equal(Enumerable.Repeat("监听中...", loops), await sluice.LinesAsync(loops), StringComparer.Ordinal);
        Assert.Equal(0, await sluice.StopAsync());
        Assert.Empty(await sluice.RestAsync());
    }

    [Theory]
    [InlineData("""{ "modle": "thread" }""", "'modle' is not a setting")]
    [InlineData("""{ "model": ["thread"] }""", "'model' is neither text nor a number")]
    [InlineData("""{ "drain": "soon" }""", "'drain' in")]
    [InlineData("[]", "not an object")]
    [InlineData("model: thread", "invalid start")]
    public async Task A_wrong_configuration_is_named(string content, string says)
    {
        using var directory = new TemporaryDirectory();
        string config = directory.File("sluice.json", content);

        (int code, _, string errors) = await SluiceProcess.RunAsync(["serve", "echo", "--listen", "tcp://127.0.0.1:0", "--config", config]);

        Assert.Equal(2, code);
        Assert.Contains(says, errors, StringComparison.Ordinal);
        Assert.Equal(errors.Length - 1, errors.IndexOf('\n', StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("LC_ALL", "zh_CN.UTF-8", "已在")]
    [InlineData("LC_MESSAGES", "zh_TW.UTF-8", "已在")]
    [InlineData("LANG", "zh", "已在")]
    [InlineData("LC_ALL", "de_DE.UTF-8", "drained in")]
    public async Task The_locale_decides_the_language(string name, string locale, string says)
    {
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", "--listen", "tcp://127.0.0.1:0"], [(name, locale)]);
        await sluice.LineAsync();

        Assert.Equal(0, await sluice.StopAsync());
        Assert.Contains(says, sluice.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quieter_log_level_leaves_the_notices_out()
    {
        await using SluiceProcess sluice = SluiceProcess.Start(["serve", "echo", "--listen", "tcp://127.0.0.1:0", "--log-level", "warning"]);
        await sluice.LineAsync();

        Assert.Equal(0, await sluice.StopAsync());
        Assert.Empty(sluice.Errors);
    }
}
