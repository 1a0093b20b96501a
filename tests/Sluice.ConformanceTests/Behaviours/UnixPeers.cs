using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Sluice.Accepting;
using Sluice.ConformanceTests.Processes;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Who is at the other end of a Unix socket, and who may be.</summary>
public sealed class UnixPeers
{
    internal const uint Nobody = 65534;
    internal const string EveryoneMayConnect = "666";

    // Becomes somebody else before it connects; only root can.
    internal const string AsNobody = """
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        s = connect()
        try:
            s.sendall(b'user\n')
            say(line(s) + ' ' + str(os.getpid()) if s.recv(1, socket.MSG_PEEK) else 'refused')
        except OSError:
            say('refused')
        """;

    internal static uint OwnUser { get; } = IdOf("Uid:");

    internal static uint OwnGroup { get; } = IdOf("Gid:");

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task A_handler_knows_the_process_and_the_user_at_the_other_end(string model) => Cell.RunAsync(model, "unix", async cell =>
    {
        await using RunningServer server = await cell.StartAsync(SayUser, options => options.Sockets.FileMode = Mode(EveryoneMayConnect));
        await using (RawClient client = await server.ConnectAsync())
        {
            Assert.Equal($"{OwnUser} {OwnGroup} {Environment.ProcessId}\n", Encoding.UTF8.GetString(await client.ReceiveToEndAsync()));
        }

        if (Environment.IsPrivilegedProcess)
        {
            string[] words = (await PythonClient.RunAsync(AsNobody, server.Url.Path)).Split(' ');
            Assert.Equal([$"{Nobody}", $"{Nobody}", words[3], words[3]], words);
        }
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public async Task Other_transports_do_not_tell_of_users_and_serve_whoever_comes(string model)
    {
        foreach (string transport in (string[])["tcp", "memory"])
        {
            await Cell.RunAsync(model, transport, async cell =>
            {
                await using RunningServer server = await cell.StartAsync(SayUser, options => options.Sockets.AllowedUsers = new HashSet<uint>());
                await using RawClient client = await server.ConnectAsync();
                Assert.Equal("nobody knows\n", Encoding.UTF8.GetString(await client.ReceiveToEndAsync()));
            });
        }
    }

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task A_user_who_is_not_on_the_list_is_refused_and_takes_no_place(string model) => Cell.RunAsync(model, "unix", async cell =>
    {
        foreach (OnLimit onLimit in (OnLimit[])[OnLimit.Wait, OnLimit.Refuse])
        {
            await using RunningServer server = await cell.StartAsync(SayUser, options =>
            {
                options.Sockets.AllowedUsers = new HashSet<uint> { OwnUser + 1 };
                options.Limits.MaxConnections = 1;
                options.Limits.OnLimit = onLimit;
            });
            for (int i = 0; i < 3; i++)
            {
                await using RawClient client = await server.ConnectAsync();
                Assert.Empty(await EndAsync(client));
            }

            await Eventually.Until(() => server.Refused.Count == 3, "refusals are told");
            Assert.All(server.Refused, refused => Assert.Equal(RefuseReason.UserNotAllowed, refused.Reason));
            Assert.Empty(server.Ended);
        }
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task A_user_who_is_on_the_list_is_served_whoever_else_comes(string model) => Cell.RunAsync(model, "unix", async cell =>
    {
        await using RunningServer server = await cell.StartAsync(Handlers.Echo, options =>
        {
            options.Sockets.FileMode = Mode(EveryoneMayConnect);
            options.Sockets.AllowedUsers = new HashSet<uint> { OwnUser };
            options.Limits.MaxConnections = 1;
        });
        await server.AssertServesAsync();
        if (Environment.IsPrivilegedProcess)
        {
            Assert.Equal("refused", await PythonClient.RunAsync(AsNobody, server.Url.Path));
            Assert.Equal(RefuseReason.UserNotAllowed, Assert.Single(server.Refused).Reason);
        }

        await server.AssertServesAsync();
    });

    [Theory, MemberData(nameof(Matrix.Models), MemberType = typeof(Matrix))]
    public Task An_abstract_name_has_peers_and_a_list_and_no_file_that_could_have_a_mode(string model) => Cell.RunAsync(model, "unix", async cell =>
    {
        string url = $"unix://@sluice-peers-{Environment.ProcessId}-{model}";
        SluiceException refusal = Assert.Throws<SluiceException>(() => SocketServer.CreateBuilder().UseModel(model).Handle(SayUser).Configure(options =>
        {
            options.Listen.Add(url);
            options.Sockets.FileMode = Mode("600");
        }).Build());
        Assert.Equal(ErrorIds.OptionNotHonoured, refusal.Id);
        Assert.Contains("abstract name", refusal.Message, StringComparison.Ordinal);

        foreach (bool isAllowed in (bool[])[true, false])
        {
            await using RunningServer server = await cell.StartAsync(SayUser, options =>
            {
                options.Listen.Add(url);
                options.Sockets.AllowedUsers = new HashSet<uint> { isAllowed ? OwnUser : OwnUser + 1 };
            });
            await using ConnectionContext client = await SocketClient.ConnectAsync(url);
            Assert.Equal(isAllowed ? $"{OwnUser} {OwnGroup} {Environment.ProcessId}\n" : "", Encoding.UTF8.GetString(await Handlers.ReadExactlyAsync(client.Transport.Input, int.MaxValue)));
        }
    });

    [Theory]
    [InlineData("600", "000")]
    [InlineData("600", "777")]
    [InlineData("660", "077")]
    [InlineData("666", "077")]
    [InlineData("666", "000")]
    public async Task The_file_has_the_mode_that_was_asked_for_whatever_the_umask(string mode, string umask)
    {
        ServerSpec spec = new WorkerCell("thread", "unix").Spec with { FileMode = (int)Mode(mode) };
        await using ChildServer server = await ChildServer.StartAsync(["sh", "-c", $"umask {umask}; exec \"$@\"", "sh", ChildServer.Program, "spec", $"{spec}"]);
        Assert.Equal(Mode(mode), ModeOf(server.Url.Path));
        await using LineClient client = await LineClient.ConnectAsync(server.Url);
        Assert.Equal("hello", await client.AskAsync("hello"));
    }

    [Fact]
    public async Task Without_a_mode_the_umask_says_what_the_file_has()
    {
        ServerSpec spec = new WorkerCell("thread", "unix").Spec;
        await using ChildServer server = await ChildServer.StartAsync(["sh", "-c", "umask 027; exec \"$@\"", "sh", ChildServer.Program, "spec", $"{spec}"]);
        Assert.Equal(Mode("750"), ModeOf(server.Url.Path));
    }

    private static async Task SayUser(ConnectionContext connection)
    {
        UnixCredentials? peer = connection.Features.Get<IUnixPeerFeature>()?.Credentials;
        string line = peer is { } known ? $"{known.UserId} {known.GroupId} {known.ProcessId}\n" : "nobody knows\n";
        await connection.Transport.Output.WriteAsync(Encoding.UTF8.GetBytes(line));
    }

    // What came before the end, which a Unix socket may reset when it is closed at once.
    internal static async Task<byte[]> EndAsync(RawClient client)
    {
        try
        {
            return await client.ReceiveToEndAsync();
        }
        catch (PeerResetException)
        {
            return [];
        }
    }

    internal static UnixFileMode Mode(string octal) => (UnixFileMode)Convert.ToInt32(octal, 8);

    private static UnixFileMode ModeOf(string path) => new FileInfo(path).UnixFileMode;

    // "Uid:  real  effective  saved  file system"
    private static uint IdOf(string name) =>
        uint.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith(name, StringComparison.Ordinal)).Split('\t')[2], CultureInfo.InvariantCulture);
}
