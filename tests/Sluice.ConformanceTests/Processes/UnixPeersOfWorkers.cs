using Sluice.ConformanceTests.Behaviours;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Processes;

/// <summary>What a Unix socket tells of its peer, and passes, is the same in a worker process.</summary>
[Collection(nameof(Alone))]
public sealed class UnixPeersOfWorkers
{
    public static TheoryData<string> Models => ["process", "prefork+thread", "prefork+epoll", "prefork+io_uring"];

    [Theory, MemberData(nameof(Models))]
    public async Task A_handler_in_a_worker_knows_them_too(string model)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, "unix").Spec with { FileMode = (int)UnixPeers.Mode(UnixPeers.EveryoneMayConnect) });
        await using (LineClient client = await LineClient.ConnectAsync(server.Url))
        {
            Assert.Equal($"{UnixPeers.OwnUser} {UnixPeers.OwnGroup} {Environment.ProcessId}", await client.AskAsync("user"));
        }

        if (Environment.IsPrivilegedProcess)
        {
            string[] words = (await PythonClient.RunAsync(UnixPeers.AsNobody, server.Url.Path)).Split(' ');
            Assert.Equal([$"{UnixPeers.Nobody}", $"{UnixPeers.Nobody}", words[3], words[3]], words);
        }
    }

    [Theory, MemberData(nameof(Models))]
    public async Task Workers_keep_to_the_list(string model)
    {
        ServerSpec spec = new WorkerCell(model, "unix").Spec with { FileMode = (int)UnixPeers.Mode(UnixPeers.EveryoneMayConnect), AllowedUsers = [UnixPeers.OwnUser], MaxConnections = 2 };
        await using RunningServer server = await WorkerCell.StartAsync(spec);
        await server.AssertServesLinesAsync();
        if (Environment.IsPrivilegedProcess)
        {
            Assert.Equal("refused", await PythonClient.RunAsync(UnixPeers.AsNobody, server.Url.Path));
        }

        await server.AssertServesLinesAsync();

        await using RunningServer others = await WorkerCell.StartAsync(new WorkerCell(model, "unix").Spec with { AllowedUsers = [UnixPeers.OwnUser + 1] });
        for (int i = 0; i < 3; i++)
        {
            await using RawClient client = await others.ConnectAsync();
            Assert.Empty(await UnixPeers.EndAsync(client));
        }
    }
}
