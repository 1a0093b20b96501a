using System.Text;

namespace Sluice.Native.Tests;

public sealed class ChildProcessTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void Arguments_environment_and_directory_arrive_as_they_are()
    {
        byte[] odd = [.. "od\u00e9 "u8, 0xff, (byte)'"', (byte)'$'];
        (string printed, ChildExit exit) = Run("""printf '%s|%s|%s|' "$0" "$1" "$WHO"; pwd""", [odd], ["WHO=it is me"u8.ToArray()], "/usr");
        Assert.Equal((0, 0), (exit.Code, exit.Signal));
        Assert.Equal($"sh|{Encoding.Latin1.GetString(odd)}|it is me|/usr\n", printed);
    }

    [Fact]
    public void Only_the_named_descriptors_are_passed_wherever_they_lay()
    {
        using var secret = new FileStream(Path.GetTempFileName(), FileMode.Open, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        _ = Libc.fcntl((int)secret.SafeFileHandle.DangerousGetHandle(), 2, 0); // F_SETFD: not close-on-exec
        DescriptorChannel one = DescriptorChannel.Open(out int first, out _)!;
        DescriptorChannel two = DescriptorChannel.Open(out int second, out _)!;
        (string printed, _) = Run("ls -l /proc/self/fd | awk '{print $9, $11}'", passed: [(first, 4), (second, 3)]);
        Assert.DoesNotContain(secret.Name, printed, StringComparison.Ordinal);
        string[] lines = [.. printed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line.Contains("socket", StringComparison.Ordinal))];
        Assert.Equal(2, lines.Length);
        Assert.Equal([$"3 {Target(second)}", $"4 {Target(first)}"], lines.Order(StringComparer.Ordinal), StringComparer.Ordinal);
        DescriptorChannel.Close(first);
        DescriptorChannel.Close(second);
        one.Dispose();
        two.Dispose();

        static string Target(int descriptor) => new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget!;
    }

    [Fact]
    public void Signals_are_at_their_defaults_and_none_is_blocked()
    {
        (string printed, _) = Run("cat /proc/self/status");
        string[] signals = [.. printed.Split('\n').Where(line => line.StartsWith("SigBlk", StringComparison.Ordinal) || line.StartsWith("SigIgn", StringComparison.Ordinal))];
        Assert.Equal(2, signals.Length);
        Assert.All(signals, line => Assert.EndsWith("0000000000000000", line, StringComparison.Ordinal));
    }

    [Fact]
    public void How_it_ended_is_told_once()
    {
        using ChildProcess child = Start("exit 7");
        Assert.True(child.TryReap((int)Patience.TotalMilliseconds, out ChildExit exit));
        Assert.Equal((7, 0, "exited with 7"), (exit.Code, exit.Signal, $"{exit}"));
        Assert.False(child.TryReap(out _));
        child.Signal(ChildProcess.Kill); // nothing happens, whoever has the number now
        Assert.True(exit.LargestResident > 0);
    }

    [Fact]
    public void A_signal_ends_it_and_is_named()
    {
        using ChildProcess child = Start("sleep 60");
        Assert.False(child.TryReap(out _));
        child.Signal(ChildProcess.Kill);
        Assert.True(child.TryReap((int)Patience.TotalMilliseconds, out ChildExit exit));
        Assert.Equal((0, 9, "was ended by SIGKILL"), (exit.Code, exit.Signal, $"{exit}"));
    }

    [Fact]
    public void Its_processor_time_is_limited_and_counted()
    {
        using ChildProcess child = Start("while :; do :; done");
        Assert.True(child.TryLimitProcessorTime(TimeSpan.FromSeconds(1)));
        Assert.True(child.TryReap((int)Patience.TotalMilliseconds, out ChildExit exit));
        Assert.Equal("was ended by SIGXCPU", $"{exit}");
        Assert.InRange(exit.ProcessorTime.TotalSeconds, 0.5, 2.5);
    }

    [Fact]
    public void A_program_that_is_not_there_is_an_error()
    {
        Assert.Null(ChildProcess.TryStart(new ChildStart { Path = "/no/such/program", Arguments = [], Environment = [] }, out NativeError error));
        Assert.Equal(NativeError.NoEntry, error);
        Assert.Null(ChildProcess.TryStart(new ChildStart { Path = "/bin/true", Arguments = [], Environment = [], Descriptors = [(12345, 3)] }, out error));
        Assert.Equal(NativeError.BadDescriptor, error);
    }

    [Fact]
    public void Nothing_is_left_of_many()
    {
        using (ChildProcess first = Start("exit"))
        {
            first.TryReap(-1, out _);
        }

        int before = SocketPair.OpenDescriptors;
        for (int i = 0; i < 50; i++)
        {
            using ChildProcess child = Start("exit");
            Assert.True(child.TryReap(-1, out _));
        }

        Assert.InRange(SocketPair.OpenDescriptors, 0, before + 4); // other tests run beside this one
    }

    private static ChildProcess Start(string script, IReadOnlyList<byte[]>? arguments = null, IReadOnlyList<byte[]>? environment = null, string? directory = null, params (int, int)[] passed) =>
        ChildProcess.TryStart(
            new ChildStart
            {
                Path = "/bin/sh",
                Arguments = ["sh"u8.ToArray(), "-c"u8.ToArray(), Encoding.UTF8.GetBytes(script), "sh"u8.ToArray(), .. arguments ?? []],
                Environment = [.. environment ?? [], "PATH=/usr/bin:/bin"u8.ToArray()],
                Directory = directory,
                Descriptors = passed,
            },
            out NativeError error) ?? throw new InvalidOperationException($"{error}");

    private static (string Printed, ChildExit Exit) Run(
        string script, IReadOnlyList<byte[]>? arguments = null, IReadOnlyList<byte[]>? environment = null, string? directory = null, params (int, int)[] passed)
    {
        string path = Path.GetTempFileName();
        try
        {
            ChildExit exit;
            using (FileStream output = new(path, FileMode.Open, FileAccess.ReadWrite))
            using (ChildProcess child = Start(script, arguments, environment, directory, [.. passed, ((int)output.SafeFileHandle.DangerousGetHandle(), 1)]))
            {
                Assert.True(child.TryReap((int)Patience.TotalMilliseconds, out exit));
            }

            return (Encoding.Latin1.GetString(File.ReadAllBytes(path)), exit);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
