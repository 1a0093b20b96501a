using System.Collections.Concurrent;
using System.Text;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>One UDP address may have several sockets, and the kernel divides the peers among them.</summary>
public sealed class DatagramsOnManyLoops
{
    private const int Loops = 4;
    private const int Peers = 64;

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task Peers_are_spread_over_the_loops_and_each_stays_on_its_own(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var homes = new ConcurrentDictionary<string, ConcurrentBag<int>>(StringComparer.Ordinal);
        await using DatagramServer server = await cell.StartAsync(context =>
        {
            homes.GetOrAdd(Encoding.UTF8.GetString(context.Payload.Span), static _ => []).Add(Environment.CurrentManagedThreadId);
            return context.ReplyAsync(context.Payload);
        }, options => options.Loops = Loops);
        Assert.Single(server.Server.LocalUrls);
        Assert.Single(server.Server.LocalEndPoints);
        RawDatagramClient[] clients = [.. Enumerable.Range(0, Peers).Select(_ => server.Connect())];
        for (int round = 0; round < 4; round++)
        {
            await Task.WhenAll(clients.Select(async (client, number) => Assert.Equal($"{number}", await client.AskAsync($"{number}"))));
        }

        Array.ForEach(clients, static client => client.Dispose());
        Assert.Equal(Peers, homes.Count);
        Assert.All(homes.Values, threads => Assert.Equal(4, threads.Count));
        if (cell.IsLoop)
        {
            int[] loops = [.. homes.Values.Select(threads => Assert.Single(threads.Distinct()))];
            Assert.InRange(loops.Distinct().Count(), cell.IsUnix ? 1 : 2, cell.IsUnix ? 1 : Loops);
            Assert.Equal(cell.IsUnix ? 1 : Loops, server.Server.Listeners.Count);
        }
        else
        {
            Assert.Single(server.Server.Listeners);
        }
    });

    [Theory, MemberData(nameof(Matrix.DatagramCells), MemberType = typeof(Matrix))]
    public Task An_address_in_use_is_refused_by_id_however_many_sockets_it_has(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        foreach (int loops in new[] { 1, Loops })
        {
            await using DatagramServer first = await cell.StartEchoAsync(options => options.Loops = loops);
            foreach (int others in new[] { 1, Loops })
            {
                SocketServer second = cell.Build(static _ => ValueTask.CompletedTask, options =>
                {
                    options.Loops = others;
                    options.Listen.Add(first.Url.ToString());
                });
                Assert.Equal(ErrorIds.AddressInUse, (await Assert.ThrowsAsync<SluiceException>(second.StartAsync)).Id);
                await second.DisposeAsync();
            }

            await first.AssertServesAsync();
        }
    });

    [Theory, MemberData(nameof(Matrix.UdpCells), MemberType = typeof(Matrix))]
    public Task Two_servers_that_both_want_to_share_an_address(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        await using DatagramServer first = await StartAsync("first", null);
        await using DatagramServer second = await StartAsync("second", first.Url.ToString());
        Assert.Equal(first.Url, second.Url);
        var answers = new List<string>();
        for (int i = 0; i < Peers; i++)
        {
            using RawDatagramClient client = first.Connect();
            answers.Add(await client.AskAsync("who?"));
        }

        Assert.Equal(Peers, answers.Count);
        Assert.InRange(answers.Count(static answer => answer == "first"), 1, Peers - 1);

        Task<DatagramServer> StartAsync(string name, string? url) => cell.StartAsync(context => context.ReplyAsync(Encoding.UTF8.GetBytes(name)), options =>
        {
            options.Sockets.ReusePort = true;
            options.Loops = 2;
            if (url is not null)
            {
                options.Listen.Add(url);
            }
        });
    });

    [Theory, MemberData(nameof(Matrix.DatagramFileCells), MemberType = typeof(Matrix))]
    public Task A_socket_file_is_removed_only_when_nobody_has_it_and_when_the_server_ends(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        string url = cell.NewUrl();
        string path = url["unixgram://".Length..];
        using (var dead = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Dgram, System.Net.Sockets.ProtocolType.Unspecified))
        {
            dead.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(path));
            File.Move(path, path + ".left");
        }

        File.Move(path + ".left", path); // nobody is bound to it: as after kill -9
        await using (DatagramServer server = await cell.StartEchoAsync(options => options.Listen.Add(url)))
        {
            await server.AssertServesAsync();
            Assert.True(File.Exists(path));
        }

        Assert.False(File.Exists(path), "the file outlived its server");
    });
}
