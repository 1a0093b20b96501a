using System.Diagnostics;
using System.Globalization;
using Sluice.Cli.Tests.Support;

namespace Sluice.Cli.Tests;

public sealed class PidFileTests
{
    private static readonly string[] Serve = ["serve", "echo", "--model", "thread", "--listen", "tcp://127.0.0.1:0"];

    [Fact]
    public async Task A_pid_file_lives_as_long_as_its_server()
    {
        await using var server = new UpgradableServer();
        await server.StartAsync(Serve); // which compares the file with the listening line
        Assert.Equal([server.PidFile], Directory.GetFiles(Path.GetDirectoryName(server.PidFile)!));

        await server.StopAsync();

        Assert.False(File.Exists(server.PidFile));
    }

    [Fact]
    public async Task A_pid_file_that_names_another_process_by_now_is_left_alone()
    {
        await using var server = new UpgradableServer();
        await server.StartAsync(Serve);
        File.WriteAllText(server.PidFile, "1\n");

        await server.StopAsync();

        Assert.Equal("1\n", File.ReadAllText(server.PidFile));
    }

    [Fact]
    public async Task A_pid_file_of_a_process_that_lives_is_refused()
    {
        using var directory = new TemporaryDirectory();
        string own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        string file = directory.File("pid", own);

        (int code, string printed, string errors) = await SluiceProcess.RunAsync([.. Serve, "--pid-file", file]);

        Assert.Equal((1, ""), (code, printed));
        Assert.Contains($"SLU0606 cannot use the pid file {file}: the process {own} that it names is alive", errors, StringComparison.Ordinal);
        Assert.Equal(own, File.ReadAllText(file));
    }

    [Fact]
    public async Task A_pid_file_of_a_process_that_is_gone_is_replaced()
    {
        using var gone = Process.Start("true");
        await gone.WaitForExitAsync(TestContext.Current.CancellationToken);
        await using var server = new UpgradableServer();
        server.File("pid", gone.Id.ToString(CultureInfo.InvariantCulture));
        await server.StartAsync(Serve);
        await server.StopAsync();
    }

    [Fact]
    public async Task A_pid_file_that_cannot_be_written_ends_the_start()
    {
        (int code, _, string errors) = await SluiceProcess.RunAsync([.. Serve, "--pid-file", "/no/such/directory/pid"]);
        Assert.Equal(1, code);
        Assert.Contains("SLU0607 cannot write the pid file /no/such/directory/pid", errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "names no process")]
    [InlineData("gone", "is gone")]
    [InlineData("deaf", "does not wait for SIGUSR2 and would be ended by it")]
    public async Task An_upgrade_of_what_is_no_server_is_refused(string kind, string why)
    {
        using var directory = new TemporaryDirectory();
        using var deaf = Process.Start("sleep", "60");
        using var gone = Process.Start("true");
        await gone.WaitForExitAsync(TestContext.Current.CancellationToken);
        string file = directory.Of("pid");
        if (kind.Length > 0)
        {
            directory.File("pid", (kind == "gone" ? gone : deaf).Id.ToString(CultureInfo.InvariantCulture));
        }

        (int code, string printed, string errors) = await SluiceProcess.RunAsync(["--upgrade", "--pid-file", file]);

        Assert.Equal((1, ""), (code, printed));
        Assert.Contains("SLU0608", errors, StringComparison.Ordinal);
        Assert.Contains(why, errors, StringComparison.Ordinal);
        Assert.Single(errors.Trim().Split('\n'));
        Assert.False(deaf.HasExited);
        deaf.Kill();
    }

    [Theory]
    [InlineData("--upgrade", "--upgrade needs --pid-file FILE")]
    [InlineData("--pid-file x", "need --upgrade here")]
    [InlineData("--upgrade --pid-file x --upgrade-within soon", "--upgrade-within cannot be 'soon'")]
    public async Task An_upgrade_without_what_it_needs_is_a_usage_error(string arguments, string why)
    {
        (int code, _, string errors) = await SluiceProcess.RunAsync(arguments.Split(' '));
        Assert.Equal(2, code);
        Assert.Contains(why, errors, StringComparison.Ordinal);
    }
}
