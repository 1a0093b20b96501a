using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Sluice.Connections;
using Sluice.Models;

namespace Sluice.Tests.Programs;

public sealed class ExecHandlerTests
{
    private const string Any = "tcp://127.0.0.1:0";

    [Theory]
    [InlineData("auto")]
    [InlineData("thread")]
    [InlineData("async")]
    public void A_transport_without_sockets_is_refused_when_the_server_is_built(string model) =>
        Assert.Equal(ErrorIds.CannotHandOver, Refusal("memory://exec", options => options.Model = model).Id);

    [Fact]
    public void Io_uring_is_refused_when_the_server_is_built()
    {
        if (ConcurrencyModels.Auto.Name == "io_uring")
        {
            Assert.Equal(ErrorIds.CannotHandOver, Refusal(Any, options => options.Model = "io_uring").Id);
            Assert.Equal(ErrorIds.CannotHandOver, Refusal(Any, options => options.Model = "prefork").Id); // with auto inside
        }
        else
        {
            Assert.Equal(ErrorIds.IoUringNotAvailable, Refusal(Any, options => options.Model = "io_uring").Id);
        }
    }

    [Fact]
    public void A_limit_that_counts_bytes_is_refused_when_the_server_is_built()
    {
        Action<ServerLimits>[] uncountable =
        [
            limits => limits.IdleTimeout = TimeSpan.FromSeconds(1),
            limits => limits.FirstByteTimeout = TimeSpan.FromSeconds(1),
            limits => limits.MinRate = 1,
            limits => limits.WriteTimeout = TimeSpan.FromSeconds(1),
        ];
        Assert.All(uncountable, set => Assert.Equal(ErrorIds.OptionNotHonoured, Refusal(Any, options => set(options.Limits)).Id));
    }

    [Fact]
    public async Task Auto_is_thread_and_other_limits_are_kept()
    {
        var options = new SocketServerOptions { Listen = { Any }, Limits = { Lifetime = TimeSpan.FromSeconds(1), WriteTimeout = null } };
        await using var server = new SocketServer(new ExecHandler(["true"]), options);
        Assert.Equal("thread", server.Model.Name);
    }

    [Theory]
    [InlineData("no-such-program-anywhere")]
    [InlineData("./no/such/program")]
    [InlineData("/etc/passwd")]
    [InlineData("/etc")]
    [InlineData("")]
    public void A_program_that_cannot_be_is_refused_at_once(string name) =>
        Assert.Equal(ErrorIds.ProgramNotFound, Assert.Throws<SluiceException>(() => new ExecHandler([name])).Id);

    [Fact]
    public void No_program_is_refused_at_once() => Assert.Equal(ErrorIds.ProgramNotFound, Assert.Throws<SluiceException>(() => new ExecHandler([])).Id);

    // What was received here would be lost to the program.
    [Theory]
    [InlineData("thread")]
    [InlineData("async")]
    [InlineData("epoll")]
    public async Task A_middleware_that_has_read_ends_the_connection_with_the_reason(string model)
    {
        var loggers = new CollectingLoggers();
        await using SocketServer server = SocketServer.CreateBuilder().Listen(Any).UseModel(model)
            .Use(next => async connection =>
            {
                System.IO.Pipelines.ReadResult read = await connection.Transport.Input.ReadAsync();
                connection.Transport.Input.AdvanceTo(read.Buffer.Start);
                await next(connection);
            })
            .Handle(new ExecHandler(["cat"])).LogTo(loggers).Build();
        await server.StartAsync();
        using Socket client = Connect(server);
        client.Send("hello"u8);

        await Eventually.Until(() => loggers.Lines.Any(line => line.Level == LogLevel.Error), "the line that tells why");
        Assert.Contains("SLU0208", loggers.Lines.First(line => line.Level == LogLevel.Error).Text, StringComparison.Ordinal);
    }

    // The program's bytes are the program's, and the connection's id is in the line that tells of its end.
    [Theory]
    [InlineData("thread")]
    [InlineData("async")]
    [InlineData("epoll")]
    public async Task After_the_hand_over_the_pipes_and_TrySend_touch_nothing(string model)
    {
        var refused = new TaskCompletionSource<(string Id, bool Reads, bool Sends)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var loggers = new CollectingLoggers();
        await using SocketServer server = SocketServer.CreateBuilder().Listen(Any).UseModel(model)
            .Use(next => async connection =>
            {
                Task serving = next(connection);
                bool reads = false;
                try
                {
                    await connection.Transport.Input.ReadAsync();
                    reads = true;
                }
                catch (Exception error) when (error is InvalidOperationException or IOException or OperationCanceledException)
                {
                    // As it should be.
                }

                refused.SetResult((connection.ConnectionId, reads, connection.Features.Get<IConnectionSender>()!.TrySend("no"u8)));
                await serving;
            })
            .Handle(new ExecHandler(["sh", "-c", "read line; echo \"$line\"; exit 5"], loggers)).Build();
        await server.StartAsync();
        using Socket client = Connect(server);
        (string id, bool reads, bool sends) = await refused.Task.WaitAsync(TimeSpan.FromSeconds(20));

        Assert.False(reads);
        Assert.False(sends);
        client.Send("hello\n"u8);
        byte[] answer = new byte[6];
        Assert.Equal(6, client.Receive(answer));
        Assert.Equal("hello\n", Encoding.UTF8.GetString(answer));
        Assert.Equal(0, client.Receive(answer));
        await Eventually.Until(() => !loggers.Lines.IsEmpty, "the line that tells of the end");
        (LogLevel level, EventId _, string text) = Assert.Single(loggers.Lines);
        Assert.Equal(LogLevel.Information, level);
        Assert.StartsWith($"The program of connection {id} exited with 5 ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_without_a_socket_is_not_handed_over()
    {
        await using GatedConnection connection = Support.Connected.Make(Support.PipeKind.Blocking).Connection;
        Assert.Equal(ErrorIds.CannotHandOver, Assert.Throws<SluiceException>(() => ((ISocketHandOver)connection).HandOver()).Id);
        Assert.False(connection.IsHandedOver);
    }

    private static SluiceException Refusal(string url, Action<SocketServerOptions> change) =>
        Assert.Throws<SluiceException>(() => SocketServer.CreateBuilder().Listen(url).Handle(new ExecHandler(["cat"])).Configure(change).Build());

    private static Socket Connect(SocketServer server)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 20_000 };
        socket.Connect(server.LocalEndPoints[0]);
        return socket;
    }
}
