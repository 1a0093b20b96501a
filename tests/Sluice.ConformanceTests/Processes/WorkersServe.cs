using Sluice.Accepting;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Processes;

/// <summary>What a client sees of a server with workers is what it sees of any other.</summary>
[Collection(nameof(Alone))]
public sealed class WorkersServe
{
    [Theory, MemberData(nameof(WorkerCell.Cells), MemberType = typeof(WorkerCell))]
    public async Task Bytes_come_back_whatever_the_slicing(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async number =>
        {
            await using RawClient client = await server.ConnectAsync();
            byte[] sent = [.. string.Join('\n', Enumerable.Range(0, 2000).Select(line => $"{number}-{line} of many")).Select(c => (byte)c), (byte)'\n'];
            Task sending = Task.Run(async () =>
            {
                foreach (ReadOnlyMemory<byte> slice in Payload.Slices(sent, longest: 700, seed: number))
                {
                    await client.SendAsync(slice);
                }

                client.Fin();
            });
            Assert.Equal(sent, await client.ReceiveToEndAsync());
            await sending;
        })).Within("all have their bytes back", TimeSpan.FromSeconds(60));
    }

    [Theory, MemberData(nameof(WorkerCell.Cells), MemberType = typeof(WorkerCell))]
    public async Task Handlers_run_in_other_processes_and_know_both_addresses(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec);
        await using LineClient client = await LineClient.ConnectAsync(server.Url);
        Assert.NotEqual(Environment.ProcessId, await client.PidAsync());
        Assert.Equal("none", await client.AskAsync("environment SLUICE_WORKER")); // so that what a handler starts is no worker
        Assert.Equal(Environment.CurrentDirectory, await client.AskAsync("directory"));
        string addresses = await client.AskAsync("peer");
        if (transport == "tcp")
        {
            System.Net.Sockets.Socket socket = ((SocketRawClient)client.Raw).Socket;
            Assert.Equal($"{socket.RemoteEndPoint} {socket.LocalEndPoint}", addresses);
        }
        else
        {
            Assert.StartsWith(server.Url.Path + " ", addresses, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(WorkerCell.Cells), MemberType = typeof(WorkerCell))]
    public async Task A_large_answer_arrives_whole_and_the_end_follows(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec);
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync("send 5000000\n"u8.ToArray());
        client.Fin();
        Assert.Equal(5_000_000, (await client.ReceiveToEndAsync()).Length);
    }

    [Theory, MemberData(nameof(WorkerCell.Kinds), MemberType = typeof(WorkerCell))]
    public async Task What_a_handler_throws_ends_its_connection_only(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { Workers = 1 });
        for (int i = 0; i < 3; i++)
        {
            await using LineClient client = await LineClient.ConnectAsync(server.Url);
            await client.EndByAsync("throw");
        }

        await server.AssertServesLinesAsync();
        if (model == "process")
        {
            await server.EndedAsync(4); // in whatever order the processes end
            Assert.Equal(3, server.Ended.Count(ended => ended.Reason == CloseReason.HandlerFailed && ended.Failure!.Message.Contains("as it was told", StringComparison.Ordinal)));
        }
    }

    [Theory, MemberData(nameof(WorkerCell.Kinds), MemberType = typeof(WorkerCell))]
    public async Task Idle_connections_are_ended(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { IdleSeconds = 0.3 });
        await using LineClient client = await LineClient.ConnectAsync(server.Url);
        Assert.Equal("hello", await client.AskAsync("hello"));
        await client.Raw.WaitForEndAsync();
        if (model == "process")
        {
            ConnectionEndedReport(await server.EndedAsync());
        }

        static void ConnectionEndedReport(Sluice.Diagnostics.ConnectionEnded ended)
        {
            Assert.Equal((CloseReason.IdleTimeout, 6L, 6L), (ended.Reason, ended.BytesReceived, ended.BytesSent));
        }
    }

    [Theory, MemberData(nameof(WorkerCell.Kinds), MemberType = typeof(WorkerCell))]
    public async Task The_maximum_of_connections_is_kept_and_who_waits_is_served_later(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { MaxConnections = 2, Workers = 2 });
        var clients = new List<LineClient>();
        for (int i = 0; i < 2; i++)
        {
            clients.Add(await LineClient.ConnectAsync(server.Url));
            Assert.Equal("in", await clients[i].AskAsync("in"));
        }

        await using LineClient third = await LineClient.ConnectAsync(server.Url);
        Task<string> waits = third.AskAsync("third");
        Assert.NotSame(waits, await Task.WhenAny(waits, Task.Delay(300))); // nothing to wait for: nobody may serve it
        await clients[0].DisposeAsync();
        Assert.Equal("third", await waits.Within("a place is free"));
        await clients[1].DisposeAsync();
    }

    [Theory, MemberData(nameof(WorkerCell.Few), MemberType = typeof(WorkerCell))]
    public async Task Above_the_maximum_connections_are_refused_if_that_is_wanted(string model, string transport)
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell(model, transport).Spec with { MaxConnections = 1, Workers = 1, OnLimit = OnLimit.Refuse });
        await using LineClient first = await LineClient.ConnectAsync(server.Url);
        Assert.Equal("in", await first.AskAsync("in"));
        await using (RawClient second = await server.ConnectAsync())
        {
            await second.WaitForEndAsync();
        }

        Assert.Equal("still", await first.AskAsync("still"));
    }

    [Theory, MemberData(nameof(WorkerCell.Few), MemberType = typeof(WorkerCell))]
    public async Task A_worker_inherits_nothing_it_was_not_meant_to_have(string model, string transport)
    {
        ServerSpec spec = new WorkerCell(model, transport).Spec;
        await using var secret = new FileStream(Path.GetTempFileName(), FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.DeleteOnClose);
        InheritableDescriptors.Make(secret.SafeFileHandle); // as a careless library would leave it
        await using RunningServer server = await WorkerCell.StartAsync(spec);
        await using LineClient client = await LineClient.ConnectAsync(server.Url);
        Assert.DoesNotContain(secret.Name, await client.AskAsync("descriptors"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Process_counts_sources_for_all()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "tcp").Spec with { PerSource = 1 });
        await using LineClient first = await LineClient.ConnectAsync(server.Url);
        Assert.Equal("in", await first.AskAsync("in"));
        await using (RawClient second = await server.ConnectAsync())
        {
            await second.WaitForEndAsync();
        }

        Assert.Equal(RefuseReason.MaxConnectionsPerSource, Assert.Single(server.Refused).Reason);
    }

    [Fact]
    public async Task Process_serves_one_connection_when_asked_and_prefork_refuses()
    {
        ServerSpec spec = new WorkerCell("process", "tcp").Spec;
        await using SocketServer server = (spec with { Program = [ChildServer.Program, "spec", $"{spec}"] }).ToBuilder().Build();
        Assert.False(await server.HandleOneAsync(TimeSpan.FromMilliseconds(200)));
        Task<bool> one = server.HandleOneAsync(TimeSpan.FromSeconds(20));
        await using (LineClient client = await LineClient.ConnectAsync(server.LocalUrls[0]))
        {
            Assert.Equal("one", await client.AskAsync("one"));
        }

        Assert.True(await one.Within("the one is served"));

        await using SocketServer prefork = new WorkerCell("prefork", "tcp").Spec.ToBuilder().Build();
        Assert.Equal(ErrorIds.WrongState, (await Assert.ThrowsAsync<SluiceException>(() => prefork.HandleOneAsync())).Id);
    }

    [Theory, InlineData("process"), InlineData("prefork")]
    public void Memory_and_shared_state_are_refused(string model)
    {
        Assert.Equal(ErrorIds.NoDescriptor, Assert.Throws<SluiceException>(() => (new WorkerCell(model, "tcp").Spec with { Url = "memory://workers" }).ToBuilder().Build()).Id);
        Assert.Equal(ErrorIds.StateNotShared, Assert.Throws<SluiceException>(() => new WorkerCell(model, "tcp").Spec.ToBuilder().Handle(new ChatRoom()).Build()).Id);
    }

    [SharesState]
    private sealed class ChatRoom : Microsoft.AspNetCore.Connections.ConnectionHandler
    {
        public override Task OnConnectedAsync(Microsoft.AspNetCore.Connections.ConnectionContext connection) => Task.CompletedTask;
    }
}
