namespace Sluice.Files.Tests;

/// <summary>A receiver over a temporary directory.</summary>
internal sealed class ReceiverHost : IDisposable
{
    private readonly TempDirectory _directory;

    public ReceiverHost(Action<FileReceiverOptions>? configure = null, TempDirectory? directory = null)
    {
        _directory = directory ?? new TempDirectory();
        var options = new FileReceiverOptions { Directory = _directory.Path };
        configure?.Invoke(options);
        Handler = new FileReceiverHandler(options, Told);
    }

    public Recorder Told { get; } = new();

    public FileReceiverHandler Handler { get; }

    public TempDirectory Directory => _directory;

    /// <summary>Serves one connection that sends <paramref name="stream"/> in pieces and closes, or resets.</summary>
    public async Task<MemoryConnection> ReceiveAsync(byte[] stream, int piece = int.MaxValue, bool reset = false)
    {
        (MemoryConnection server, MemoryConnection client) = MemoryConnection.Pair();
        Task served = Handler.OnConnectedAsync(server);
        for (int at = 0; at < stream.Length && !served.IsCompleted; at += Math.Min(piece, stream.Length - at))
        {
            await client.Output.WriteAsync(stream.AsMemory(at, Math.Min(piece, stream.Length - at)));
        }

        if (reset)
        {
            client.Abort();
        }
        else
        {
            await client.Output.CompleteAsync();
        }

        await served.WaitAsync(TimeSpan.FromSeconds(30));
        return server;
    }

    public void Dispose()
    {
        Handler.Dispose();
        _directory.Dispose();
    }
}
