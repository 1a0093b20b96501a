using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Microbenchmarks;

/// <summary>One request and its reply of 32 bytes over memory://, client and server in one process: the pipes and the models, no kernel.</summary>
[MemoryDiagnoser]
public class OneEcho
{
    private static readonly byte[] Request = new byte[32];

    private SocketServer? _server;
    private ConnectionContext? _client;

    /// <summary>The model that serves.</summary>
    [Params("thread", "async")]
    public string Model { get; set; } = "";

    /// <summary>Whether the client's calls block its thread.</summary>
    [Params(true, false)]
    public bool BlockingClient { get; set; }

    [GlobalSetup]
    public async Task Setup()
    {
        _server = SocketServer.CreateBuilder().UseModel(Model).Listen("memory://bench").Handle(EchoAsync).Build();
        await _server.StartAsync();
        _client = await SocketClient.ConnectAsync("memory://bench", new SocketClientOptions { Blocking = BlockingClient });
    }

    [GlobalCleanup]
    public async Task Cleanup()
    {
        await _client!.DisposeAsync();
        await _server!.DisposeAsync();
    }

    [Benchmark]
    public async ValueTask<int> Echo()
    {
        await _client!.Transport.Output.WriteAsync(Request);
        ReadResult reply = await _client.Transport.Input.ReadAtLeastAsync(Request.Length);
        int length = (int)reply.Buffer.Length;
        _client.Transport.Input.AdvanceTo(reply.Buffer.End);
        return length;
    }

    private static async Task EchoAsync(ConnectionContext connection)
    {
        while (true)
        {
            ReadResult read = await connection.Transport.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in read.Buffer)
            {
                await connection.Transport.Output.WriteAsync(segment);
            }

            connection.Transport.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }
}
