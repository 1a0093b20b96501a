using System.Net;
using Sluice.Diagnostics;
using Sluice.Sessions;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>What becomes known of the handler of a session that throws.</summary>
public sealed class SessionsFail
{
    [Theory, MemberData(nameof(Matrix.Udp4Cells), MemberType = typeof(Matrix))]
    public Task A_failure_is_told_of_the_listener_of_its_session(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        await using DatagramServer server = await SessionsDrain.StartAsync(cell, static async session =>
        {
            await Task.Yield();
            throw new InvalidDataException("bad");
        }, options =>
        {
            options.Listen.Add("udp://0.0.0.0:0");
            options.Listen.Add("udp://0.0.0.0:0");
            options.Listen.Add("udp://[::]:0");
        });
        foreach (IPEndPoint bound in server.Server.LocalEndPoints.Cast<IPEndPoint>().Reverse())
        {
            using RawDatagramClient client = RawDatagramClient.Connect(new IPEndPoint(bound.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : IPAddress.IPv6Loopback, bound.Port));
            await client.SendAsync("fail");
            DatagramFailed failed = default;
            await Eventually.Until(() => server.Failed.TryDequeue(out failed), "it was told");
            Assert.Equal(bound, failed.Listener.LocalEndPoint);
        }
    });

    [Fact]
    public async Task Servers_with_the_same_sessions_tell_of_their_own_and_after_their_end_of_none()
    {
        using DatagramSessions sessions = new Func<Microsoft.AspNetCore.Connections.ConnectionContext, Task>(static async _ =>
        {
            await Task.Yield();
            throw new InvalidDataException("bad");
        }).AsDatagramHandler();
        await using DatagramServer first = await StartAsync();
        DatagramServer second = await StartAsync();
        using (RawDatagramClient client = second.Connect())
        {
            await client.SendAsync("fail");
            await Eventually.Until(() => second.Failed.TryDequeue(out _), "the second tells");
        }

        await second.DisposeAsync();
        using (RawDatagramClient client = first.Connect())
        {
            await client.SendAsync("fail");
            await Eventually.Until(() => first.Failed.TryDequeue(out _), "the first tells");
        }

        Assert.Equal((2, 0, 0), (sessions.Failures, first.Failed.Count, second.Failed.Count));

        async Task<DatagramServer> StartAsync()
        {
            var options = new SocketServerOptions { Model = "epoll" };
            options.Listen.Add("udp://127.0.0.1:0");
            var server = new DatagramServer(new SocketServer(sessions, options));
            await server.Server.StartAsync().Within("the server started");
            return server;
        }
    }
}
