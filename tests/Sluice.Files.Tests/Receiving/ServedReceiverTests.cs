using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Files.Tests;

/// <summary>The handler under real models on real sockets, with Python's senders and ours.</summary>
public sealed class ServedReceiverTests
{
    private const string PythonSender = """
        import os, socket, struct, sys
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        for path in sys.argv[3:]:
            data = open(path, 'rb').read()
            s.sendall(struct.pack(sys.argv[2], os.path.basename(path).encode(), len(data)) + data)
        s.close()
        """;

    [Theory]
    [InlineData("thread", "36sl")]
    [InlineData("thread", "<36si")]
    [InlineData("threadpool", "36sl")]
    [InlineData("async", "<36si")]
    public async Task Four_Python_senders_at_once_store_all_their_files(string model, string format)
    {
        using var source = new TempDirectory();
        using var target = new TempDirectory();
        int[] sizes = [0, 1, 1023, 1024, 1025, 3_000_000];
        string[][] paths = [.. Enumerable.Range(0, 4).Select(sender => sizes.Select(size => source[$"s{sender}-{size}.bin"]).ToArray())];
        foreach ((string path, int i) in paths.SelectMany(p => p).Select((path, i) => (path, i)))
        {
            File.WriteAllBytes(path, Wire.Bytes(sizes[i % sizes.Length], seed: i));
        }

        var told = new Ends(files: 4 * sizes.Length);
        using var handler = new FileReceiverHandler(new FileReceiverOptions { Directory = target.Path }, told);
        await using SocketServer server = SocketServer.CreateBuilder().Listen($"unix://{source["socket"]}").UseModel(model).Handle(handler).Build();
        await server.StartAsync();

        await Task.WhenAll(paths.Select(files => Task.Run(() => Shell.Run("python3", ["-c", PythonSender, source["socket"], format, .. files]))));
        await told.All.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Null(told.Refusal);
        Assert.Equal(4 * sizes.Length, target.Names.Length);
        Assert.All(paths.SelectMany(p => p), path => Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(target[Path.GetFileName(path)])));
    }

    [Theory]
    [InlineData("thread")]
    [InlineData("async")]
    public async Task Our_sender_learns_that_all_is_stored_or_that_it_was_refused(string model)
    {
        using var source = new TempDirectory();
        using var target = new TempDirectory();
        File.WriteAllBytes(source["good.bin"], Wire.Bytes(2_000_000));
        File.WriteAllBytes(source["taken"], Wire.Bytes(10));
        Directory.CreateDirectory(target["taken"]);
        using var handler = new FileReceiverHandler(new FileReceiverOptions { Directory = target.Path });
        await using SocketServer server = SocketServer.CreateBuilder().Listen("tcp://127.0.0.1:0").UseModel(model).Handle(handler).Build();
        await server.StartAsync();
        var sender = new FileSender(new FileSenderOptions { CloseWait = TimeSpan.FromSeconds(30) });

        await using ConnectionContext good = await SocketClient.ConnectAsync(server.LocalUrls[0].ToString());
        await sender.SendAsync(good, source["good.bin"]);
        Assert.True(await sender.FinishAsync(good));
        Assert.Equal(Wire.Bytes(2_000_000), File.ReadAllBytes(target["good.bin"]));

        await using ConnectionContext bad = await SocketClient.ConnectAsync(server.LocalUrls[0].ToString());
        var error = await Assert.ThrowsAsync<SluiceException>(async () =>
        {
            await sender.SendAsync(bad, source["taken"]);
            await sender.FinishAsync(bad);
        });
        Assert.Equal(FileErrorIds.ReceiverLeft, error.Id);
    }

    [Theory]
    [InlineData("thread")]
    [InlineData("async")]
    public async Task Silence_wakes_a_read_that_waits(string model)
    {
        using var target = new TempDirectory();
        var told = new Ends(files: 1);
        using var handler = new FileReceiverHandler(new FileReceiverOptions { Directory = target.Path }, told);
        await using SocketServer server = SocketServer.CreateBuilder().Listen("tcp://127.0.0.1:0").UseModel(model).Handle(handler).Build();
        await server.StartAsync();
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", server.LocalUrls[0].Port);

        await client.GetStream().WriteAsync(Wire.Header("empty.bin", 0, V1Layout.Bytes40));
        await told.All.WaitAsync(TimeSpan.FromSeconds(10));

        Assert.Equal(["empty.bin"], target.Names, StringComparer.Ordinal);
    }

    /// <summary>Completes when as many files were published as are expected, or one was refused.</summary>
    private sealed class Ends(int files) : FileReceiverObserver
    {
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left = files;

        public Task All => _all.Task;

        public Refusal? Refusal { get; private set; }

        public override void OnCompleted(ReceivingFile file)
        {
            if (Interlocked.Decrement(ref _left) == 0)
            {
                _all.TrySetResult();
            }
        }

        public override void OnCutShort(ReceivingFile file, long received, string? partialPath, Refusal reason) => OnRefused(file.Connection, file, reason);

        public override void OnRefused(ConnectionContext connection, ReceivingFile? file, Refusal reason)
        {
            Refusal = reason;
            _all.TrySetResult();
        }
    }
}
