using Sluice.Models;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Receiving and sending fail in a child process, by strace. A tool that is missing fails the test.</summary>
[Collection(nameof(Alone))]
public sealed class DatagramFaults
{
    private const string ReceiveFailed = "SLU0312";

    public static TheoryData<string, string> OtherReceiving => Pairs("ENOMEM", "EAGAIN", "ECONNREFUSED", "EINTR");

    public static TheoryData<string, string> OtherSending => Pairs("ENOBUFS", "EPERM", "EINTR");

    [Theory, InlineData("threadpool"), InlineData("epoll"), InlineData("io_uring")]
    public Task A_server_outlives_receiving_that_finds_no_memory(string model) => ReceiveAsync(model, "ENOMEM");

    [Theory, Trait("Tier", "long"), MemberData(nameof(OtherReceiving))]
    public Task A_server_outlives_receiving_that_fails(string model, string error) => ReceiveAsync(model, error);

    [Theory, InlineData("threadpool"), InlineData("epoll"), InlineData("io_uring")]
    public Task A_server_outlives_sending_that_finds_no_buffer(string model) => SendAsync(model, "ENOBUFS");

    [Theory, Trait("Tier", "long"), MemberData(nameof(OtherSending))]
    public Task A_server_outlives_sending_that_fails(string model, string error) => SendAsync(model, error);

    private static async Task ReceiveAsync(string model, string error)
    {
        await using ChildServer server = await ChildServer.StartAsync($"strace -f -qq -o /dev/null -e trace=recvmmsg -e inject=recvmmsg:error={error}:when=2+3", model, "udp://127.0.0.1:0");
        using RawDatagramClient client = RawDatagramClient.Connect(server.Url);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal($"{i}", await client.AskAsync($"{i}")); // what could not be received stays
        }

        Assert.True(server.IsAlive);
        bool isTold = error is "ENOMEM" or "ECONNREFUSED";
        await Eventually.Until(() => server.Log.Any(line => line.Line.Contains(ReceiveFailed, StringComparison.Ordinal)) == isTold, "it was told, if it is worth it");
        Assert.InRange(server.Log.Count(line => line.Line.Contains(ReceiveFailed, StringComparison.Ordinal)), 0, 10); // once a second
        Assert.DoesNotContain(server.Log, line => line.Line.Contains("nothing more is received", StringComparison.Ordinal));
    }

    private static async Task SendAsync(string model, string error)
    {
        // strace counts the calls of each thread by themselves, and some threads send once only.
        bool manyThreads = ConcurrencyModels.Find(model).Capabilities is { Blocking: true, Concurrent: true };
        await using ChildServer server = await ChildServer.StartAsync(
            $"strace -f -qq -o /dev/null -e trace=sendmmsg,sendmsg -e inject=sendmmsg,sendmsg:error={error}:when={(manyThreads ? 1 : 2)}+2", model, "udp://127.0.0.1:0");
        using RawDatagramClient client = RawDatagramClient.Connect(server.Url);
        const int Count = 12;
        int fewest = error == "EINTR" ? Count : manyThreads ? 0 : Count / 4;
        int answered = 0;
        for (int i = 0; i < Count; i++)
        {
            await client.SendAsync($"{i}");
            answered += await Eventually.WithinAsync(() => client.Socket.Available > 0, TimeSpan.FromSeconds(error == "EINTR" ? 10 : 0.2)) ? client.Drain().Count : 0;
        }

        Assert.True(server.IsAlive);
        Assert.InRange(answered, fewest, error == "EINTR" ? Count : Count - 1);
        await Eventually.Until(() => server.Log.Any(line => line.Line.Contains("was not sent", StringComparison.Ordinal)) == (error != "EINTR"), "what was lost was told");
    }

    private static TheoryData<string, string> Pairs(params string[] errors)
    {
        var all = new TheoryData<string, string>();
        foreach (TheoryDataRow<string> model in Matrix.Models)
        {
            foreach (string error in errors)
            {
                all.Add(model.Data, error);
            }
        }

        return all;
    }
}
