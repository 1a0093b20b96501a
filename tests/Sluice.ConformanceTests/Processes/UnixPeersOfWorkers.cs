using System.Globalization;
using Sluice.ConformanceTests.Behaviours;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Processes;

/// <summary>What a Unix socket tells of its peer, and passes, is the same in a worker process.</summary>
[Collection(nameof(Alone))]
public sealed class UnixPeersOfWorkers
{
    public static TheoryData<string> Models => ["process", "prefork+thread", "prefork+epoll", "prefork+io_uring"];

    [Theory, MemberData(nameof(Models))]
    public async Task A_handler_knows_the_process_and_the_user_at_the_other_end(string model)
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

    [Theory, InlineData("process"), InlineData("prefork+thread"), InlineData("prefork+epoll"), InlineData("prefork+auto")]
    public async Task Descriptors_are_passed_both_ways(string model)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, "unix").Spec with { PassDescriptors = true });
        string said = await PythonClient.RunAsync("""
            s = connect()
            r, w = os.pipe()
            socket.send_fds(s, [b'descriptor\n'], [w]); os.close(w)
            data, fds, flags, address = socket.recv_fds(s, 100, 4)
            os.write(fds[0], b'and from the client\n'); os.close(fds[0])
            say(data.decode().strip() + ': ' + os.fdopen(r).read().replace('\n', ', '))
            s.sendall(b'pid\n')
            say(line(s))
            """, server.Url.Path);
        string[] lines = said.Split('\n');
        Assert.Equal($"back: from {lines[1]}, and from the client,", lines[0].TrimEnd());
        Assert.NotEqual(Environment.ProcessId, int.Parse(lines[1], CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Prefork_refuses_to_pass_them_with_io_uring_inside() => Assert.Equal(ErrorIds.DescriptorsNotPassed, Assert.Throws<SluiceException>(() =>
        (new WorkerCell("prefork+io_uring", "unix").Spec with { PassDescriptors = true }).ToBuilder().Build()).Id);

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
