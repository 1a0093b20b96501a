namespace Sluice.Files.Tests;

/// <summary>Runs the receiver under strace, which makes a system call fail. A machine without strace fails these tests.</summary>
public sealed class InjectedFaultTests
{
    [Fact]
    public void Without_a_fault_it_stores_and_says_so()
    {
        using var directory = new TempDirectory();
        (int code, string output) = Receive(directory, "fsync:delay_enter=1", Wire.File("a.bin", Wire.Bytes(200_000), V1Layout.Bytes48));

        Assert.Equal((0, "completed a.bin"), (code, output));
        Assert.Equal(Wire.Bytes(200_000), File.ReadAllBytes(directory["a.bin"]));
    }

    // strace counts calls for each thread: the first is the only one that surely comes.
    [Theory] // S3, S1, S4
    [InlineData("fsync:error=EIO:when=1", FileErrorIds.StoreFailed)]
    [InlineData("fsync:error=ENOSPC:when=1", FileErrorIds.NoSpace)]
    [InlineData("pwrite64:error=EIO:when=1", FileErrorIds.StoreFailed)]
    [InlineData("pwrite64:error=ENOSPC:when=1", FileErrorIds.NoSpace)]
    [InlineData("pwrite64:error=EDQUOT:when=1", FileErrorIds.NoSpace)]
    [InlineData("pwrite64:error=EROFS:when=1", FileErrorIds.StoreFailed)]
    [InlineData("renameat:error=ENOSPC:when=1", FileErrorIds.NoSpace)]
    public void A_failing_call_fails_the_transfer_and_leaves_the_old_file(string fault, string id)
    {
        using var directory = new TempDirectory();
        File.WriteAllText(directory["a.bin"], "old");

        (int code, string output) = Receive(directory, fault, Wire.File("a.bin", Wire.Bytes(200_000), V1Layout.Bytes48));

        Assert.Equal(1, code);
        Assert.StartsWith($"refused {id} cannot ", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', output);
        Assert.Equal("old", File.ReadAllText(directory["a.bin"]));
        Assert.Equal(["a.bin"], directory.Names, StringComparer.Ordinal);
    }

    [Fact] // S3: the directory's own sync, after the rename
    public void A_directory_that_cannot_be_synced_fails_the_transfer()
    {
        using var directory = new TempDirectory();
        (int code, string output) = Receive(directory, "fsync:error=EIO:when=2", Wire.File("a.bin", [1], V1Layout.Bytes48));

        Assert.Equal(1, code);
        Assert.StartsWith($"refused {FileErrorIds.StoreFailed} cannot sync the directory of 'a.bin'", output, StringComparison.Ordinal);
    }

    [Theory] // S6
    [InlineData("pwrite64:error=EINTR:when=1..3")]
    [InlineData("fsync:error=EINTR:when=1..2")]
    [InlineData("renameat:error=EINTR:when=1")]
    [InlineData("pwrite64:retval=1:when=1")] // one byte "written", which is 0 in the content as it is in a hole
    public void Interrupted_and_short_calls_are_carried_on(string fault)
    {
        using var directory = new TempDirectory();
        byte[] content = [0, .. Wire.Bytes(10_000)];

        (int code, string output) = Receive(directory, fault, Wire.File("a.bin", content, V1Layout.Bytes48));

        Assert.Equal((0, "completed a.bin"), (code, output));
        Assert.Equal(content, File.ReadAllBytes(directory["a.bin"]));
    }

    private static (int Code, string Output) Receive(TempDirectory directory, string fault, byte[] stream)
    {
        using var log = new TempDirectory();
        string call = fault[..fault.IndexOf(':', StringComparison.Ordinal)];
        (int code, string output) = Shell.TryRun(
            "strace", stream, "-f", "-o", log["strace"], "-e", $"trace={call}", "-e", $"inject={fault}",
            "dotnet", Path.Combine(AppContext.BaseDirectory, "Sluice.Files.StreamReceiver.dll"), directory.Path);
        Assert.True(File.ReadAllText(log["strace"]).Contains(fault.Contains("delay", StringComparison.Ordinal) ? "DELAYED" : "INJECTED", StringComparison.Ordinal), $"strace injected nothing: {output}");
        return (code, output.Trim());
    }
}
