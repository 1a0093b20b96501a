using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace Sluice.Tests.Restarting;

public sealed class UpgradeTests
{
    [Theory]
    [InlineData("sleep 60", 300, "it was not ready within 0.3 s")]
    [InlineData("false", 20_000, "it exited with 1 before it served")]
    public async Task A_new_process_that_does_not_serve_is_ended_and_the_old_one_goes_on(string program, int milliseconds, string why)
    {
        await using SocketServer server = Build("tcp://127.0.0.1:0");
        await server.StartAsync();
        var options = new UpgradeOptions { Program = ["/bin/sh", "-c", $"exec {program}"], ReadyWithin = TimeSpan.FromMilliseconds(milliseconds) };

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => server.UpgradeAsync(options, TestContext.Current.CancellationToken));

        Assert.Equal(ErrorIds.UpgradeFailed, error.Id);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        int process = int.Parse(error.Message.Split("the new process ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
        Assert.False(Directory.Exists($"/proc/{process}"), "it is still there");
        Assert.False(server.IsHandedOver);
        AssertAnswers(server);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_told()
    {
        await using SocketServer server = Build("tcp://127.0.0.1:0");
        await server.StartAsync();
        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => server.UpgradeAsync(new UpgradeOptions { Program = ["/no/such/program"] }));
        Assert.Equal(ErrorIds.UpgradeNotStarted, error.Id);
        AssertAnswers(server);
    }

    [Fact]
    public async Task An_upgrade_can_be_given_up()
    {
        await using SocketServer server = Build("tcp://127.0.0.1:0");
        await server.StartAsync();
        using var cancellation = new CancellationTokenSource();
        Task<int> upgrading = server.UpgradeAsync(new UpgradeOptions { Program = ["/bin/sh", "-c", "exec sleep 60"] }, cancellation.Token);
        SluiceException second = await Assert.ThrowsAsync<SluiceException>(() => server.UpgradeAsync());
        long began = Stopwatch.GetTimestamp();

        await cancellation.CancelAsync();

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => upgrading);
        Assert.Contains("this one was told to stop", error.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(8));
        Assert.Equal((ErrorIds.WrongState, true), (second.Id, second.Message.Contains("under way", StringComparison.Ordinal)));
        AssertAnswers(server);
    }

    [Fact]
    public async Task What_does_not_serve_cannot_be_upgraded()
    {
        await using SocketServer server = Build("tcp://127.0.0.1:0");
        SluiceException before = await Assert.ThrowsAsync<SluiceException>(() => server.UpgradeAsync());
        await server.StartAsync();
        await server.StopAsync();
        SluiceException after = await Assert.ThrowsAsync<SluiceException>(() => server.UpgradeAsync());
        Assert.Equal((ErrorIds.WrongState, ErrorIds.WrongState), (before.Id, after.Id));
    }

    [Fact]
    public async Task A_server_that_stops_removes_the_file_of_its_socket()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        await using SocketServer server = Build($"unix://{path}");
        await server.StartAsync();
        Assert.True(File.Exists(path));
        await server.StopAsync(TimeSpan.Zero);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task A_shared_listener_s_end_is_not_the_socket_s()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        await using SocketServer server = Build($"unix://{path}");
        await server.StartAsync();
        using var other = new Native.DescriptorCopy(server.Listeners[0].Handle!); // as another process would have it
        server.Listeners[0].Share();

        await server.StopAsync(TimeSpan.Zero);

        Assert.True(File.Exists(path));
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await client.ConnectAsync(new UnixDomainSocketEndPoint(path), TestContext.Current.CancellationToken);
        File.Delete(path);
    }

    private static SocketServer Build(string url) => SocketServer.CreateBuilder().Listen(url).UseModel("thread").Handle(EchoAsync).Build();

    private static async Task EchoAsync(ConnectionContext connection)
    {
        var read = await connection.Transport.Input.ReadAsync();
        foreach (ReadOnlyMemory<byte> piece in read.Buffer)
        {
            await connection.Transport.Output.WriteAsync(piece);
        }
    }

    private static void AssertAnswers(SocketServer server)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
        client.Connect(server.LocalEndPoints[0]);
        client.Send("x"u8);
        Assert.Equal(1, client.Receive(new byte[10]));
    }
}
