using Microsoft.Extensions.Time.Testing;

namespace Sluice.Files.Tests;

public sealed class FileSenderTests
{
    [Theory]
    [InlineData(V1Layout.Bytes40)]
    [InlineData(V1Layout.Bytes48)]
    public async Task What_is_sent_is_received(V1Layout layout)
    {
        using var source = new TempDirectory();
        using var host = new ReceiverHost();
        string[] names = ["empty", "one.bin", "文件.bin", "a-name-that-fills-all-36-bytes.tar.gz"[1..], "large.bin"];
        int[] sizes = [0, 1, 1025, 1023, 1_000_000];
        string[] paths = [.. names.Select(n => source[n])];
        foreach ((string path, int size) in paths.Zip(sizes))
        {
            File.WriteAllBytes(path, Wire.Bytes(size));
        }

        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = Serve(host, server);
        var progress = new Progress();
        var sender = new FileSender(new FileSenderOptions { Layout = layout });
        await sender.SendAsync(client, paths, progress);

        Assert.True(await sender.FinishAsync(client));
        await served;
        Assert.All(names.Zip(sizes), f => Assert.Equal(Wire.Bytes(f.Second), File.ReadAllBytes(host.Directory[f.First])));
        Assert.All(names.Zip(sizes), f => Assert.Contains(progress.Seen, p => p.Name == f.First && p.Sent == f.Second && p.Size == f.Second));
        Assert.All(host.Told.Files, f => Assert.Equal(layout, f.Layout));
    }

    [Theory]
    [InlineData("a-name-that-fills-more-than-36-bytes.gz", FileErrorIds.NameDoesNotFit)]
    [InlineData("missing", FileErrorIds.CannotRead)]
    [InlineData("directory", FileErrorIds.CannotRead)]
    [InlineData("fifo", FileErrorIds.CannotRead)]
    [InlineData("huge", FileErrorIds.SizeOutOfRange)]
    public async Task What_cannot_be_sent_is_refused_before_the_first_byte(string bad, string id)
    {
        using var source = new TempDirectory();
        File.WriteAllText(source["good"], "good");
        File.WriteAllText(source["a-name-that-fills-more-than-36-bytes.gz"], "");
        Directory.CreateDirectory(source["directory"]);
        Shell.Run("mkfifo", source["fifo"]);
        using (FileStream huge = File.Create(source["huge"]))
        {
            huge.SetLength(1L << 31);
        }

        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        var sender = new FileSender(new FileSenderOptions { Layout = V1Layout.Bytes40 });

        var error = await Assert.ThrowsAsync<SluiceException>(() => sender.SendAsync(client, [source["good"], source[bad]]));

        Assert.Equal(id, error.Id);
        Assert.Null(client.Aborted);
        Assert.False(server.Input.TryRead(out _));
    }

    [Fact] // S13
    public async Task A_file_that_becomes_shorter_aborts_and_is_never_published()
    {
        using var source = new TempDirectory();
        using var host = new ReceiverHost();
        File.WriteAllBytes(source["a.bin"], Wire.Bytes(1_000_000));
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = Serve(host, server);

        var error = await Assert.ThrowsAsync<SluiceException>(() => new FileSender().SendAsync(client, source["a.bin"], new Progress(p =>
        {
            if (p.Sent is > 0 and < 500_000)
            {
                File.WriteAllBytes(source["a.bin"], new byte[500_000]);
            }
        })));

        await served;
        Assert.Equal(FileErrorIds.SourceChanged, error.Id);
        Assert.NotNull(client.Aborted);
        Assert.Equal(["a.bin.partial"], host.Directory.Names, StringComparer.Ordinal);
    }

    [Fact] // S13
    public async Task A_file_that_grows_is_sent_with_the_announced_size()
    {
        using var source = new TempDirectory();
        using var host = new ReceiverHost();
        byte[] content = Wire.Bytes(500_000);
        File.WriteAllBytes(source["a.bin"], content);
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = Serve(host, server);
        var sender = new FileSender();

        await sender.SendAsync(client, source["a.bin"], new Progress(_ => File.AppendAllText(source["a.bin"], "more")));

        Assert.True(await sender.FinishAsync(client));
        await served;
        Assert.Equal(content, File.ReadAllBytes(host.Directory["a.bin"]));
    }

    [Fact]
    public async Task A_receiver_that_refuses_is_an_error_of_the_sender()
    {
        using var source = new TempDirectory();
        using var host = new ReceiverHost(o => o.MaxFileSize = 10);
        File.WriteAllBytes(source["a.bin"], new byte[11]);
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = Serve(host, server);
        var sender = new FileSender();

        var error = await Assert.ThrowsAsync<SluiceException>(async () =>
        {
            await sender.SendAsync(client, source["a.bin"]);
            await sender.FinishAsync(client);
        });

        await served;
        Assert.Equal(FileErrorIds.ReceiverLeft, error.Id);
    }

    [Fact]
    public async Task A_reset_that_shows_only_at_the_end_is_an_error_of_the_sender()
    {
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        client.CloseReason = CloseReason.PeerReset; // the library completes the reader, and says why
        await server.Output.CompleteAsync();

        var error = await Assert.ThrowsAsync<SluiceException>(() => new FileSender().FinishAsync(client));

        Assert.Equal(FileErrorIds.ReceiverLeft, error.Id);
    }

    [Fact]
    public async Task A_receiver_that_never_closes_is_waited_for_no_longer_than_told()
    {
        var clock = new FakeTimeProvider();
        (_, MemoryConnection client) = MemoryConnection.Pair();

        Task<bool> finished = new FileSender(new FileSenderOptions { TimeProvider = clock, CloseWait = TimeSpan.FromSeconds(3) }).FinishAsync(client);

        Assert.False(finished.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(3));
        Assert.False(await finished);
    }

    [Fact]
    public async Task A_cancelled_transfer_aborts_the_connection()
    {
        using var source = new TempDirectory();
        File.WriteAllBytes(source["a.bin"], new byte[1_000_000]);
        (_, MemoryConnection client) = MemoryConnection.Pair();
        using var cancel = new CancellationTokenSource();

        Task sending = new FileSender().SendAsync(client, source["a.bin"], cancellation: cancel.Token); // nobody reads: the flush waits
        Assert.False(sending.IsCompleted);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        Assert.NotNull(client.Aborted);
    }

    /// <summary>Serves one connection and closes it behind the handler, as the library does.</summary>
    private static async Task Serve(ReceiverHost host, MemoryConnection server)
    {
        await host.Handler.OnConnectedAsync(server);
        if (server.Aborted is null)
        {
            await server.Output.CompleteAsync();
        }
    }

    private sealed class Progress(Action<FileSendProgress>? told = null) : IProgress<FileSendProgress>
    {
        public List<FileSendProgress> Seen { get; } = [];

        public void Report(FileSendProgress value)
        {
            Seen.Add(value);
            told?.Invoke(value);
        }
    }
}
