namespace Sluice.Tests;

public sealed class OptionsCheckTests
{
    private static readonly Dictionary<string, Action<SocketServerOptions>> Wrong = new(StringComparer.Ordinal)
    {
        ["no connections"] = options => options.Limits.MaxConnections = 0,
        ["none per source"] = options => options.Limits.MaxConnectionsPerSource = 0,
        ["no rate"] = options => options.Limits.MinRate = 0,
        ["no unread"] = options => options.Limits.MaxUnread = 0,
        ["negative send queue"] = options => options.Limits.MaxSendQueue = -1,
        ["no threads"] = options => options.Threads = 0,
        ["no loops"] = options => options.Loops = 0,
        ["too many loops"] = options => options.Loops = 1025,
        ["no loop max wait"] = options => options.LoopMaxWait = TimeSpan.Zero,
        ["no loop blocked after"] = options => options.LoopBlockedAfter = TimeSpan.Zero,
        ["negative queue"] = options => options.Queue = -1,
        ["no backlog"] = options => options.Sockets.Backlog = 0,
        ["negative stack"] = options => options.ThreadStackSize = -1,
        ["no idle time"] = options => options.Limits.IdleTimeout = TimeSpan.Zero,
        ["negative first byte"] = options => options.Limits.FirstByteTimeout = TimeSpan.FromSeconds(-1),
        ["endless lifetime"] = options => options.Limits.Lifetime = TimeSpan.FromDays(366),
        ["no write time"] = options => options.Limits.WriteTimeout = TimeSpan.Zero,
        ["no window"] = options => options.Limits.MinRateWindow = TimeSpan.Zero,
        ["negative drain"] = options => options.Drain = TimeSpan.FromTicks(-1),
        ["negative linger"] = options => options.Linger = TimeSpan.FromTicks(-1),
    };

    private static readonly Dictionary<string, Action<SocketServerOptions>> Edges = new(StringComparer.Ordinal)
    {
        ["one connection"] = options => options.Limits.MaxConnections = 1,
        ["a byte unread"] = options => options.Limits.MaxUnread = 1,
        ["no send queue"] = options => options.Limits.MaxSendQueue = 0,
        ["no queue"] = options => options.Queue = 0,
        ["a tick of idle time"] = options => options.Limits.IdleTimeout = TimeSpan.FromTicks(1),
        ["a year of life"] = options => options.Limits.Lifetime = TimeSpan.FromDays(365),
        ["one loop"] = options => options.Loops = 1,
        ["the most loops"] = options => options.Loops = 1024,
        ["no watch over loops"] = options => (options.LoopMaxWait, options.LoopBlockedAfter) = (null, null),
        ["no write timeout"] = options => options.Limits.WriteTimeout = null,
        ["no drain, no linger"] = options => (options.Drain, options.Linger) = (TimeSpan.Zero, TimeSpan.Zero),
    };

    public static TheoryData<string> WrongOptions => [.. Wrong.Keys];

    public static TheoryData<string> EdgeOptions => [.. Edges.Keys];

    [Theory]
    [MemberData(nameof(WrongOptions))]
    public void An_option_out_of_its_range_is_refused_when_the_server_is_built(string name) =>
        Assert.Equal(ErrorIds.OptionOutOfRange, Assert.Throws<SluiceException>(() => Build(Wrong[name])).Id);

    [Theory]
    [MemberData(nameof(EdgeOptions))]
    public void An_option_at_the_edge_of_its_range_is_taken(string name) => Assert.Equal(ServerState.Created, Build(Edges[name]).State);

    [Theory]
    [InlineData("nonsense", ErrorIds.BadUrl)]
    [InlineData("gopher://x:1", ErrorIds.UnknownScheme)]
    [InlineData("tcp://127.0.0.1:99999", ErrorIds.BadUrl)]
    public void An_address_that_cannot_be_is_refused_when_the_server_is_built(string url, string id) =>
        Assert.Equal(id, Assert.Throws<SluiceException>(() => Build(options => options.Listen.Add(url))).Id);

    [Fact]
    public void A_server_needs_an_address_and_a_handler()
    {
        Assert.Equal(ErrorIds.NothingToListenOn, Assert.Throws<SluiceException>(() => SocketServer.CreateBuilder().Handle(_ => Task.CompletedTask).Build()).Id);
        Assert.Equal(ErrorIds.NoHandler, Assert.Throws<SluiceException>(() => SocketServer.CreateBuilder().Listen("memory://x").Build()).Id);
    }

    [Fact]
    public void A_model_that_is_not_there_is_refused_when_the_server_is_built() =>
        Assert.Equal(ErrorIds.UnknownModel, Assert.Throws<SluiceException>(() => Build(options => options.Model = "fibers")).Id);

    private static SocketServer Build(Action<SocketServerOptions> change) =>
        SocketServer.CreateBuilder().Listen("memory://options").Handle(_ => Task.CompletedTask).Configure(change).Build();
}
