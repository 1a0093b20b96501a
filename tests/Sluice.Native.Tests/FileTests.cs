namespace Sluice.Native.Tests;

public sealed class FileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-native-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_path_is_known_by_its_kind_and_links_are_not_followed()
    {
        File.WriteAllText(At("file"), "x");
        Directory.CreateDirectory(At("directory"));
        File.CreateSymbolicLink(At("link"), At("file"));
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(At("socket")));
        Assert.Equal(
            [EntryKind.Regular, EntryKind.Directory, EntryKind.SymbolicLink, EntryKind.Socket, EntryKind.Missing, EntryKind.Device],
            new[] { At("file"), At("directory"), At("link"), At("socket"), At("nothing"), "/dev/null" }.Select(DirectoryDescriptor.KindAt));
    }

    [Fact]
    public void A_file_is_created_once_renamed_over_another_and_removed()
    {
        using DirectoryDescriptor folder = DirectoryDescriptor.Open(_folder, out NativeError error)!;
        Assert.Equal(NativeError.None, error);
        using (OpenFile created = folder.Create("new", 0x1FF, out error)!)
        {
            Assert.Equal(NativeError.None, error);
            Assert.Equal(NativeError.None, created.Write("content"u8, 0));
        }

        Assert.Null(folder.Create("new", 0x1FF, out error));
        Assert.Equal(NativeError.Exists, error);
        File.WriteAllText(At("old"), "old");
        Assert.Equal(NativeError.None, folder.Rename("new", "old"));
        Assert.Equal("content", File.ReadAllText(At("old")));
        Assert.Equal(NativeError.NoEntry, folder.Rename("new", "old"));
        Assert.Equal(NativeError.None, folder.Sync());
        Assert.Equal(NativeError.None, folder.Remove("old"));
        Assert.Equal(NativeError.NoEntry, folder.Remove("old"));
        Assert.Equal(NativeError.None, folder.CheckWritable());
        Assert.True(folder.Available() > 0);
    }

    [Fact]
    public void A_held_directory_stays_itself_when_its_path_becomes_another()
    {
        using DirectoryDescriptor folder = DirectoryDescriptor.Open(_folder, out _)!;
        string moved = _folder + "-moved";
        Directory.Move(_folder, moved);
        try
        {
            using OpenFile? created = folder.Create("here", 0x1FF, out NativeError error);
            Assert.Equal(NativeError.None, error);
            Assert.True(File.Exists(Path.Combine(moved, "here")));
        }
        finally
        {
            Directory.Move(moved, _folder);
        }
    }

    [Fact]
    public void Descriptors_of_files_are_released()
    {
        int before = SocketPair.OpenDescriptors;
        for (int i = 0; i < 100; i++)
        {
            using DirectoryDescriptor folder = DirectoryDescriptor.Open(_folder, out _)!;
            using OpenFile? file = folder.Create("file" + i, 0x1FF, out _);
            Assert.Null(folder.Create("file" + i, 0x1FF, out _));
        }

        Assert.InRange(SocketPair.OpenDescriptors, 0, before + 10);
    }

    private string At(string name) => Path.Combine(_folder, name);
}
