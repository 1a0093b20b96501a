using System.Diagnostics;

namespace Sluice.Files.Tests;

public sealed class FileStoreTests
{
    [Fact]
    public void A_published_file_is_whole_and_never_executable()
    {
        using var directory = new TempDirectory();
        using FileStore store = FileStore.Open(directory.Path);
        byte[] content = Wire.Bytes(20_000_000);
        using (IncomingFile file = store.Create("a.bin", content.Length))
        {
            for (int at = 0; at < content.Length; at += 1_000_000)
            {
                file.Write(content.AsSpan(at, 1_000_000));
                Assert.Equal(".sluice-", Assert.Single(directory.Names)[..8]);
            }

            file.Publish();
        }

        Assert.Equal(["a.bin"], directory.Names, StringComparer.Ordinal);
        Assert.Equal(content, File.ReadAllBytes(directory["a.bin"]));
        UnixFileMode mode = File.GetUnixFileMode(directory["a.bin"]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, mode & ~(UnixFileMode.GroupRead | UnixFileMode.OtherRead));
    }

    [Theory] // F4, F5
    [InlineData("directory")]
    [InlineData("fifo")]
    [InlineData("socket")]
    [InlineData("device")]
    [InlineData("link to a file outside")]
    [InlineData("dangling link")]
    public void A_target_that_is_no_regular_file_is_refused_at_once_and_left_alone(string what)
    {
        using var outside = new TempDirectory();
        File.WriteAllText(outside["canary"], "canary");
        using var directory = new TempDirectory();
        Make(what, directory["a"], outside["canary"]);
        using FileStore store = FileStore.Open(directory.Path);
        var watch = Stopwatch.StartNew();

        var error = Assert.Throws<SluiceException>(() => store.Create("a", 1));

        Assert.Equal(FileErrorIds.TargetNotAFile, error.Id);
        Assert.InRange(watch.ElapsedMilliseconds, 0, 1000);
        Assert.Equal(["a"], directory.Names, StringComparer.Ordinal);
        Assert.Equal(["canary"], outside.Names, StringComparer.Ordinal);
        Assert.Equal("canary", File.ReadAllText(outside["canary"]));
    }

    [Theory] // F4, F5: planted after the first look
    [InlineData("directory")]
    [InlineData("fifo")]
    [InlineData("link to a file outside")]
    public void A_target_that_is_planted_while_a_file_comes_is_refused(string what)
    {
        using var outside = new TempDirectory();
        File.WriteAllText(outside["canary"], "canary");
        using var directory = new TempDirectory();
        using FileStore store = FileStore.Open(directory.Path);
        using (IncomingFile file = store.Create("a", 1))
        {
            file.Write([1]);
            Make(what, directory["a"], outside["canary"]);
            Assert.Equal(FileErrorIds.TargetNotAFile, Assert.Throws<SluiceException>(file.Publish).Id);
        }

        Assert.Equal(["a"], directory.Names, StringComparer.Ordinal);
        Assert.Equal("canary", File.ReadAllText(outside["canary"]));
    }

    [Fact] // F4
    public void A_hard_link_is_replaced_and_what_it_shares_is_left_alone()
    {
        using var outside = new TempDirectory();
        File.WriteAllText(outside["canary"], "canary");
        using var directory = new TempDirectory();
        Shell.Run("ln", outside["canary"], directory["a"]);
        using FileStore store = FileStore.Open(directory.Path);
        using (IncomingFile file = store.Create("a", 1))
        {
            file.Write("x"u8);
            file.Publish();
        }

        Assert.Equal("x", File.ReadAllText(directory["a"]));
        Assert.Equal("canary", File.ReadAllText(outside["canary"]));
    }

    [Fact] // F8
    public void A_directory_that_is_moved_away_is_still_the_one_written_to()
    {
        using var parent = new TempDirectory();
        Directory.CreateDirectory(parent["root"]);
        using FileStore store = FileStore.Open(parent["root"]);
        Directory.Move(parent["root"], parent["moved"]);
        Directory.CreateDirectory(parent["root"]);
        using (IncomingFile file = store.Create("a", 1))
        {
            file.Write([1]);
            file.Publish();
        }

        Assert.Empty(Directory.GetFileSystemEntries(parent["root"]));
        Assert.True(File.Exists(Path.Combine(parent["moved"], "a")));
    }

    [Fact]
    public void A_partial_file_never_goes_through_a_planted_link()
    {
        using var outside = new TempDirectory();
        using var directory = new TempDirectory();
        File.CreateSymbolicLink(directory["a.partial"], outside["planted"]);
        using FileStore store = FileStore.Open(directory.Path);
        using (IncomingFile file = store.Create("a", 10))
        {
            file.Write([1]);
            Assert.Null(file.KeepPartial());
        }

        Assert.Equal(["a.partial"], directory.Names, StringComparer.Ordinal);
        Assert.Empty(outside.Names);
    }

    [Theory] // L7
    [InlineData("missing")]
    [InlineData("file")]
    [InlineData("")]
    public void A_directory_that_cannot_be_received_into_is_refused_when_it_is_opened(string name)
    {
        using var directory = new TempDirectory();
        File.WriteAllText(directory["file"], "");

        var error = Assert.Throws<SluiceException>(() => FileStore.Open(name.Length == 0 ? "" : directory[name]));

        Assert.Equal(FileErrorIds.DirectoryUnusable, error.Id);
    }

    [Fact] // S1: at the offer
    public void A_file_larger_than_the_free_space_is_refused_before_a_byte_is_written()
    {
        using var directory = new TempDirectory(tmpfsSize: "1m");
        using FileStore store = FileStore.Open(directory.Path);

        Assert.Equal(FileErrorIds.NoSpace, Assert.Throws<SluiceException>(() => store.Create("big", 2 << 20)).Id);
        Assert.Empty(directory.Names);
    }

    [Fact] // S1: at a write, which is short at first
    public async Task A_disk_that_fills_up_ends_the_transfer_and_gives_its_space_back()
    {
        using var host = new ReceiverHost(directory: new TempDirectory(tmpfsSize: "1m"));
        File.WriteAllText(host.Directory["kept"], "kept");
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = host.Handler.OnConnectedAsync(server);
        byte[] stream = Wire.File("big", new byte[900_000], V1Layout.Bytes48);
        await client.Output.WriteAsync(stream.AsMemory(0, 1000));
        File.WriteAllBytes(host.Directory["other"], new byte[500_001]);
        await client.Output.WriteAsync(stream.AsMemory(1000));

        await served;
        Assert.NotNull(server.Aborted);
        Assert.Equal(FileErrorIds.NoSpace, host.Told.Refusal!.Id);
        Assert.Equal(["kept", "other"], host.Directory.Names, StringComparer.Ordinal);

        File.Delete(host.Directory["other"]);
        await host.ReceiveAsync(stream);
        Assert.Equal(["big", "kept"], host.Directory.Names, StringComparer.Ordinal);
    }

    [Fact] // S2
    public void A_file_system_without_inodes_refuses_with_one_line()
    {
        using var directory = new TempDirectory(tmpfsSize: "1m,nr_inodes=3");
        File.WriteAllText(directory["one"], "");
        File.WriteAllText(directory["two"], "");
        using FileStore store = FileStore.Open(directory.Path);

        Assert.Equal(FileErrorIds.NoSpace, Assert.Throws<SluiceException>(() => store.Create("three", 0)).Id);
    }

    private static void Make(string what, string path, string canary)
    {
        switch (what)
        {
            case "directory":
                Directory.CreateDirectory(path);
                break;
            case "fifo":
                Shell.Run("mkfifo", path);
                break;
            case "socket":
                Shell.Run("python3", "-c", $"import socket; socket.socket(socket.AF_UNIX).bind('{path}')");
                break;
            case "device":
                Shell.Run("mknod", path, "c", "1", "3");
                break;
            default:
                File.CreateSymbolicLink(path, what == "dangling link" ? canary + ".missing" : canary);
                break;
        }
    }
}
