using Sluice.Diagnostics;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class DatagramsTheKernelDrops
{
    private const int Sent = 5_000;

    [Theory, MemberData(nameof(Matrix.UdpCells), MemberType = typeof(Matrix))]
    public Task What_does_not_fit_while_nobody_receives_is_counted(string model, string transport) => DatagramCell.RunAsync(model, transport, async cell =>
    {
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var loggers = new CollectingLoggers();
        int handled = 0;
        await using DatagramServer server = await cell.StartAsync(async context =>
        {
            Interlocked.Increment(ref handled);
            begun.TrySetResult();
            await release.Task;
            if (context.Payload.Span[0] == '?')
            {
                await context.ReplyAsync(context.Payload);
            }
        }, options =>
        {
            options.Datagrams.MaxConcurrent = 1; // one that waits stops all, in every model
            options.Datagrams.ReceiveBuffer = 4_096;
        }, loggers);
        using RawDatagramClient client = server.Connect();
        await client.SendAsync("first");
        await begun.Task.Within("the first is handled");
        byte[] datagram = "one of many"u8.ToArray();
        for (int i = 0; i < Sent - 1; i++)
        {
            Assert.Equal(datagram.Length, client.Socket.Send(datagram));
        }

        release.SetResult();
        long sent = Sent;
        await Eventually.Until(() =>
        {
            // The kernel tells with the next one that it takes.
            client.Socket.Send("?"u8);
            sent++;
            return client.Drain().Count > 0;
        }, "it serves again");
        await Eventually.Until(() => server.Server.Datagrams is { } totals && totals.Received + totals.DroppedByKernel == sent,
            $"{sent} are accounted for");
        DatagramTotals all = server.Server.Datagrams;
        Assert.InRange(all.DroppedByKernel, Sent / 2, sent);
        await Eventually.Until(() => Volatile.Read(ref handled) == all.Received, "each that was received is handled");
        Assert.Equal(all.DroppedByKernel, server.Dropped.Sum(dropped => dropped.Count));
        Assert.All(server.Dropped, dropped => Assert.Equal(DropReason.KernelBuffer, dropped.Reason));
        Assert.Contains(loggers.Lines, line => line.Text.StartsWith(ErrorIds.DatagramsDropped, StringComparison.Ordinal));
        Assert.Equal(0, all.Dropped);
    });
}
