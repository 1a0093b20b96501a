using Microsoft.AspNetCore.Connections;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

/// <summary>What is left of a handler when its server has stopped, and its loop with it: nothing of it may wait for ever.</summary>
public sealed class OutlivesTheServer
{
    [Theory, MemberData(nameof(Matrix.WaitingTcpCells), MemberType = typeof(Matrix))]
    public Task A_task_that_a_handler_left_behind_goes_on(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var go = new TaskCompletionSource();
        Task left = Task.CompletedTask;
        await ServeOneAsync(cell, connection => left = LeftAsync(connection));
        go.SetResult();
        await left.Within("the task went on");

        async Task LeftAsync(ConnectionContext connection)
        {
            await go.Task;
            await Task.Yield();
            connection.Abort(); // on what stands for the loop now: nothing of it may be touched
        }
    });

    [Theory, MemberData(nameof(Matrix.WaitingTcpCells), MemberType = typeof(Matrix))]
    public Task A_pipe_call_is_answered(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        ConnectionContext served = null!;
        await ServeOneAsync(cell, connection => served = connection);
        await Record.ExceptionAsync(async () => await served.Transport.Output.WriteAsync(new byte[1])).AsTask().Within("a write is answered");
        await Record.ExceptionAsync(async () => await served.Transport.Input.ReadAsync()).AsTask().Within("a read is answered");
        served.Transport.Input.CancelPendingRead();
        served.Abort();
    });

    private static async Task ServeOneAsync(Cell cell, Action<ConnectionContext> also)
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            also(connection);
            await Handlers.Echo(connection);
        });
        await using (RawClient client = await server.ConnectAsync())
        {
            Assert.Equal("hi", await client.EchoAsync("hi"));
        }

        await server.EndedAsync();
    }
}
