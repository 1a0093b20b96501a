using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class HandlesOne
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task HandleOneAsync_serves_one_of_any_listener_and_returns_when_its_handler_has_ended(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = new(cell.Build(Handlers.Echo, options =>
        {
            options.Listen.Add(cell.NewUrl());
            options.Listen.Add(cell.NewUrl());
        }));
        Assert.False(await server.Server.HandleOneAsync(TimeSpan.FromMilliseconds(100)).Within("the wait ended"));
        for (int i = 0; i < 4; i++)
        {
            Task<bool> handling = server.Server.HandleOneAsync(TimeSpan.FromSeconds(10));
            await using RawClient client = await RawClient.ConnectAsync(server.Server.LocalUrls[i % 2]);
            Assert.Equal("one", await client.EchoAsync("one"));
            Assert.False(handling.IsCompleted, "it returned before its handler had ended");
            await client.DisposeAsync();
            Assert.True(await handling.Within("the handler ended"));
            Assert.Equal(i + 1, server.Ended.Count);
        }
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task HandleOneAsync_leaves_the_next_client_in_the_queue(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = new(cell.Build(Handlers.Echo));
        await server.Server.HandleOneAsync(TimeSpan.FromMilliseconds(1)).Within("it listens");
        await using RawClient first = await server.ConnectAsync();
        await using RawClient second = await server.ConnectAsync();
        await first.SendAsync("first"u8.ToArray());
        await second.SendAsync("second"u8.ToArray());
        first.Fin();
        second.Fin();
        Assert.True(await server.Server.HandleOneAsync(TimeSpan.FromSeconds(5)).Within("the first was served"));
        Assert.Equal("first"u8.ToArray(), await first.ReceiveToEndAsync());
        Assert.Single(server.Ended);
        Assert.True(await server.Server.HandleOneAsync(TimeSpan.FromSeconds(5)).Within("the second was served"));
        Assert.Equal("second"u8.ToArray(), await second.ReceiveToEndAsync());
    });
}
