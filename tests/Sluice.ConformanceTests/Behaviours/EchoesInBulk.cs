using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>One at a time: side by side they would keep each other's clients waiting for longer than these wait.</summary>
[Collection(nameof(Alone))]
public sealed class EchoesInBulk
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Sixty_four_mebibytes_go_both_ways_at_once(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        const int Size = 64 * 1024 * 1024;
        await using RunningServer server = await cell.StartAsync(Handlers.Echo);
        await using RawClient client = await server.ConnectAsync();
        byte[] sent = Payload.Make(Size, seed: 1);
        Task sending = Task.Run(async () =>
        {
            await client.SendAsync(sent);
            client.Fin();
        });
        byte[] got = await client.ReceiveExactlyAsync(Size);
        await sending;
        Assert.True(Payload.Same(sent, got));
        Assert.Empty(await client.ReceiveToEndAsync());
        Diagnostics.ConnectionEnded ended = await server.EndedAsync();
        Assert.Equal(CloseReason.Completed, ended.Reason);
        Assert.Equal(Size, ended.BytesReceived);
        Assert.Equal(Size, ended.BytesSent);
    });
}
