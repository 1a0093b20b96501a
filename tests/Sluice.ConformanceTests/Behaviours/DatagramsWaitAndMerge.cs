using Sluice.ConformanceTests.Processes;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>Answers that wait for room, and datagrams that the kernel has as one.</summary>
public sealed class DatagramsWaitAndMerge
{
    [Theory, InlineData("epoll"), InlineData("io_uring"), InlineData("async")]
    public async Task Answers_that_wait_for_room_go_out_before_the_server_ends(string model)
    {
        await using RunningServer server = new((new WorkerCell(model, "unixgram").Spec with { SendSeconds = 20, DrainSeconds = 20 }).ToBuilder().Build());
        await server.Server.StartAsync();
        using var client = new DatagramAsker(server.Url);
        client.Send("times 700"); // more than the client's queue takes
        await Eventually.Until(() => server.Server.Datagrams.Received == 1, "it is received");
        Task<DrainReport> stopping = server.Server.StopAsync();
        await Task.Delay(100); // nothing to wait for: it may not end
        for (int i = 0; i < 700; i++)
        {
            Assert.Equal($"{i}", await client.HearAsync());
        }

        await stopping.Within("it has ended");
        Assert.Equal((700, 0), (server.Server.Datagrams.Sent, server.Server.Datagrams.NotSent));
    }

    [Theory, InlineData("epoll"), InlineData("thread")]
    public async Task Those_that_do_not_fit_into_a_buffer_together_come_one_by_one(string model)
    {
        await using RunningServer server = new((new WorkerCell(model, "udp").Spec with { MaxSize = 1000, Loops = 1 }).ToBuilder().Build());
        await server.Server.StartAsync();
        using var client = new DatagramAsker(server.Url);
        SendTogether(client, new byte[3000], each: 500);
        for (int i = 0; i < 6; i++)
        {
            Assert.Equal(500, (await client.ReceiveAsync(seconds: 5)).Length);
        }

        Assert.Equal(0, server.Server.Datagrams.Truncated);
    }

    [Fact]
    public async Task Those_that_are_sent_together_have_a_process_each()
    {
        await using RunningServer server = await WorkerCell.StartAsync(new WorkerCell("process", "udp").Spec);
        using var client = new DatagramAsker(server.Url);
        SendTogether(client, "pidpidpid"u8.ToArray(), each: 3);
        Assert.Distinct([await client.HearAsync(), await client.HearAsync(), await client.HearAsync()], StringComparer.Ordinal);
    }

    // UDP_SEGMENT, udp(7): the kernel cuts them up, if need be.
    private static void SendTogether(DatagramAsker client, byte[] all, int each)
    {
        client.Socket.SetRawSocketOption(17, 103, BitConverter.GetBytes(each));
        client.Socket.Send(all);
    }
}
