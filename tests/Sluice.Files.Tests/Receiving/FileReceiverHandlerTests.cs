using Microsoft.Extensions.Time.Testing;
using Sluice.Transports;

namespace Sluice.Files.Tests;

public sealed class FileReceiverHandlerTests
{
    private static readonly int[] Sizes = [0, 1, 1023, 1024, 1025, 300_000];

    [Theory]
    [InlineData(V1Layout.Bytes40, int.MaxValue)]
    [InlineData(V1Layout.Bytes48, int.MaxValue)]
    [InlineData(V1Layout.Bytes40, 7)]
    [InlineData(V1Layout.Bytes48, 7)]
    public async Task Many_files_of_one_connection_are_stored(V1Layout layout, int piece)
    {
        using var host = new ReceiverHost();
        (string, byte[])[] files = [.. Sizes.Select(size => ($"file{size}.bin", Wire.Bytes(size)))];

        MemoryConnection connection = await host.ReceiveAsync(Wire.Stream(layout, files), piece);

        Assert.Null(connection.Aborted);
        Assert.Equal(Sizes.SelectMany(size => (string[])[$"started file{size}.bin {size}", $"completed file{size}.bin"]), host.Told.Lines, StringComparer.Ordinal);
        Assert.Equal(Sizes.Length, host.Directory.Names.Length);
        Assert.All(files, f => Assert.Equal(f.Item2, File.ReadAllBytes(host.Directory[f.Item1])));
        Assert.Equal(Enumerable.Repeat((string[])["begin", "end"], Sizes.Length).SelectMany(u => u), connection.Units, StringComparer.Ordinal);
    }

    [Theory] // P2
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_sender_that_leaves_half_way_publishes_nothing(bool reset)
    {
        byte[] whole = Wire.File("report.bin", Wire.Bytes(16), V1Layout.Bytes48);
        for (int length = 0; length < whole.Length; length++)
        {
            using var host = new ReceiverHost(o => o.Layout = V1Layout.Bytes48);
            await host.ReceiveAsync(whole[..length], reset: reset);

            string[] expected = length < 48 ? [] : ["report.bin.partial"];
            Assert.Equal(expected, host.Directory.Names, StringComparer.Ordinal);
            Assert.Equal(length == 0 ? null : FileErrorIds.CutShort, host.Told.Refusal?.Id);
            if (length >= 48)
            {
                Assert.Equal(whole[48..length], File.ReadAllBytes(host.Directory["report.bin.partial"]));
                Assert.Equal($"cut report.bin {length - 48} report.bin.partial", host.Told.Lines[^1]);
            }
        }
    }

    [Fact]
    public async Task A_reset_behind_40_bytes_is_no_end_mark_of_an_empty_file()
    {
        using var host = new ReceiverHost();
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = host.Handler.OnConnectedAsync(server);
        await client.Output.WriteAsync(Wire.Header("empty.bin", 0, V1Layout.Bytes40));

        server.CloseReason = CloseReason.PeerReset; // the library completes the reader, and says why
        await client.Output.CompleteAsync();
        await served;

        Assert.Empty(host.Directory.Names);
        Assert.Equal(["refused " + FileErrorIds.CutShort], host.Told.Lines, StringComparer.Ordinal);
    }

    [Fact]
    public async Task An_older_partial_file_is_replaced_and_the_published_one_kept()
    {
        using var host = new ReceiverHost();
        await host.ReceiveAsync(Wire.File("a.bin", [1, 2, 3], V1Layout.Bytes48));
        await host.ReceiveAsync(Wire.File("a.bin", [4, 5, 6, 7], V1Layout.Bytes48)[..51]);
        await host.ReceiveAsync(Wire.File("a.bin", [8, 9, 10, 11], V1Layout.Bytes48)[..49]);

        Assert.Equal(["a.bin", "a.bin.partial"], host.Directory.Names, StringComparer.Ordinal);
        Assert.Equal([1, 2, 3], File.ReadAllBytes(host.Directory["a.bin"]));
        Assert.Equal([8], File.ReadAllBytes(host.Directory["a.bin.partial"]));
    }

    [Fact]
    public async Task A_file_of_the_same_name_is_replaced()
    {
        using var host = new ReceiverHost();
        await host.ReceiveAsync(Wire.File("a.bin", Wire.Bytes(1000), V1Layout.Bytes48));
        await host.ReceiveAsync(Wire.File("a.bin", [1], V1Layout.Bytes40));

        Assert.Equal(["a.bin"], host.Directory.Names, StringComparer.Ordinal);
        Assert.Equal([1], File.ReadAllBytes(host.Directory["a.bin"]));
    }

    [Fact] // S14
    public async Task Senders_of_one_name_side_by_side_never_mix()
    {
        using var host = new ReceiverHost();
        byte[][] contents = [.. Enumerable.Range(0, 8).Select(i => Enumerable.Repeat((byte)i, 5000).ToArray())];
        var connections = new List<(Task Served, MemoryConnection Client, byte[] Stream)>();
        foreach (byte[] content in contents)
        {
            (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
            connections.Add((host.Handler.OnConnectedAsync(server), client, Wire.File("same.bin", content, V1Layout.Bytes48)));
        }

        for (int at = 0; at < 5048; at += 100)
        {
            foreach ((_, MemoryConnection client, byte[] stream) in connections)
            {
                await client.Output.WriteAsync(stream.AsMemory(at, Math.Min(100, stream.Length - at)));
            }
        }

        Assert.Equal(["same.bin"], host.Directory.Names, StringComparer.Ordinal);
        Assert.Contains(contents, content => content.AsSpan().SequenceEqual(File.ReadAllBytes(host.Directory["same.bin"])));
        foreach ((Task served, MemoryConnection client, _) in connections)
        {
            await client.Output.CompleteAsync();
            await served;
        }
    }

    [Theory]
    [InlineData("..", 1L, FileErrorIds.BadName)]
    [InlineData("a\0b", 1L, FileErrorIds.BadHeader)]
    [InlineData("", 1L, FileErrorIds.BadHeader)]
    [InlineData("b.bin", -1L, FileErrorIds.SizeOutOfRange)]
    [InlineData("b.bin", 101L, FileErrorIds.SizeOutOfRange)]
    [InlineData("taken", 1L, FileErrorIds.TargetNotAFile)]
    public async Task A_refusal_resets_the_connection_and_touches_nothing_else(string name, long size, string id)
    {
        using var host = new ReceiverHost(o => o.MaxFileSize = 100);
        Directory.CreateDirectory(host.Directory["taken"]);

        MemoryConnection connection = await host.ReceiveAsync(
            [.. Wire.File("first.bin", [1], V1Layout.Bytes48), .. Wire.Header(name, size, V1Layout.Bytes48), .. Wire.File("later.bin", [2], V1Layout.Bytes48)]);

        Assert.NotNull(connection.Aborted);
        Assert.Equal(id, host.Told.Refusal!.Id);
        Assert.DoesNotContain('\n', host.Told.Refusal.Message);
        Assert.Equal(["first.bin", "taken"], host.Directory.Names, StringComparer.Ordinal);
        Assert.Equal(["started first.bin 1", "completed first.bin", $"refused {id}"], host.Told.Lines, StringComparer.Ordinal);
    }

    [Fact]
    public async Task Silence_of_300_ms_behind_a_40_byte_header_stores_the_empty_file()
    {
        var clock = new FakeTimeProvider();
        using var host = new ReceiverHost(o => o.TimeProvider = clock);
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = host.Handler.OnConnectedAsync(server);
        await client.Output.WriteAsync(Wire.Header("empty.bin", 0, V1Layout.Bytes40));

        clock.Advance(TimeSpan.FromMilliseconds(299));
        Assert.Empty(host.Directory.Names);
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(["empty.bin"], host.Directory.Names, StringComparer.Ordinal);

        await client.Output.WriteAsync(Wire.File("next.bin", [7], V1Layout.Bytes40));
        Assert.Equal([7], File.ReadAllBytes(host.Directory["next.bin"]));
        await client.Output.CompleteAsync();
        await served;
        Assert.Null(server.Aborted);
    }

    [Fact]
    public async Task A_48_byte_header_that_comes_in_two_parts_within_300_ms_is_one_header()
    {
        var clock = new FakeTimeProvider();
        using var host = new ReceiverHost(o => o.TimeProvider = clock);
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = host.Handler.OnConnectedAsync(server);
        byte[] stream = Wire.File("a.bin", [1, 2, 3], V1Layout.Bytes48);
        await client.Output.WriteAsync(stream.AsMemory(0, 40));
        clock.Advance(TimeSpan.FromMilliseconds(200));
        await client.Output.WriteAsync(stream.AsMemory(40, 1));
        clock.Advance(TimeSpan.FromSeconds(10));
        await client.Output.WriteAsync(stream.AsMemory(41));
        await client.Output.CompleteAsync();
        await served;

        Assert.Equal([1, 2, 3], File.ReadAllBytes(host.Directory["a.bin"]));
    }

    [Fact]
    public async Task A_name_that_fills_the_field_gives_a_warning_and_is_stored()
    {
        using var host = new ReceiverHost();
        await host.ReceiveAsync(Wire.File("/home/somebody/documents/quarterly/r", [1], V1Layout.Bytes48));

        Assert.Equal([$"warned {FileErrorIds.NameMayBeCut}", "started r 1", "completed r"], host.Told.Lines, StringComparer.Ordinal);
        ReceivingFile file = Assert.Single(host.Told.Files);
        Assert.Equal(("/home/somebody/documents/quarterly/r", host.Directory["r"]), (file.NameAsSent, file.Path));
    }

    [Fact]
    public async Task A_draining_server_is_left_after_the_current_file()
    {
        using var drain = new CancellationTokenSource();
        using var host = new ReceiverHost();
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        server.ConnectionClosedRequested = drain.Token;
        Task served = host.Handler.OnConnectedAsync(server);
        byte[] stream = Wire.Stream(V1Layout.Bytes48, ("a.bin", [1, 2]), ("b.bin", [3]));
        await client.Output.WriteAsync(stream.AsMemory(0, 49));
        await drain.CancelAsync();
        Assert.False(served.IsCompleted);
        await client.Output.WriteAsync(stream.AsMemory(49));

        await served;
        Assert.Equal(["a.bin"], host.Directory.Names, StringComparer.Ordinal);
    }

    [Fact]
    public async Task An_observer_that_throws_ends_its_connection_and_leaves_a_partial_file()
    {
        using var directory = new TempDirectory();
        using var handler = new FileReceiverHandler(new FileReceiverOptions { Directory = directory.Path }, new Thrower());
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = handler.OnConnectedAsync(server);
        await client.Output.WriteAsync(Wire.File("a.bin", new byte[10], V1Layout.Bytes48).AsMemory(0, 50));

        await Assert.ThrowsAsync<InvalidOperationException>(() => served);
        Assert.Equal(["a.bin.partial"], directory.Names, StringComparer.Ordinal);
    }

    [Theory] // A6
    [InlineData("tcp://127.0.0.1:1", true)]
    [InlineData("tcp://[::1]:1", true)]
    [InlineData("unix:///tmp/x.sock", true)]
    [InlineData("tcp://0.0.0.0:1", false)]
    [InlineData("tcp://*:1", false)]
    [InlineData("tcp://192.0.2.1:1", false)]
    public void Only_this_machine_may_reach_it_unless_insecure(string url, bool allowed)
    {
        SocketAddressUrl address = SocketAddressUrl.Parse(url);
        FileReceiverHandler.CheckListen(address, insecure: true);
        if (allowed)
        {
            FileReceiverHandler.CheckListen(address, insecure: false);
        }
        else
        {
            Assert.Equal(FileErrorIds.NotLocal, Assert.Throws<SluiceException>(() => FileReceiverHandler.CheckListen(address, insecure: false)).Id);
        }
    }

    [Fact]
    public async Task Receiving_allocates_nothing_per_read()
    {
        using var host = new ReceiverHost();
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = host.Handler.OnConnectedAsync(server);
        byte[] piece = new byte[4096];
        await client.Output.WriteAsync(Wire.Header("big.bin", 4096 * 2000, V1Layout.Bytes48));
        await Send(1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        await Send(999);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        await Send(1);
        await client.Output.CompleteAsync();
        await served;

        Assert.Equal(["big.bin"], host.Directory.Names, StringComparer.Ordinal);
        Assert.InRange(allocated, 0, 1000); // everything runs inline on this thread

        async Task Send(int count)
        {
            for (int i = 0; i < count; i++)
            {
                await client.Output.WriteAsync(piece);
            }
        }
    }

    private sealed class Thrower : FileReceiverObserver
    {
        public override void OnProgress(ReceivingFile file, long received) => throw new InvalidOperationException("observer");
    }
}
