using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class Cancels
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task CancelPendingRead_ends_a_read_that_waits_and_the_connection_goes_on(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var connected = new TaskCompletionSource<ConnectionContext>();
        var cancelled = new TaskCompletionSource<ReadResult>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connected.SetResult(connection);
            ReadResult result = await connection.Transport.Input.ReadAsync();
            connection.Transport.Input.AdvanceTo(result.Buffer.End);
            cancelled.SetResult(result);
            await Handlers.Echo(connection);
        });
        await using RawClient client = await server.ConnectAsync();
        ConnectionContext connection = await connected.Task.Within("a connection came");
        long since = Environment.TickCount64;
        connection.Transport.Input.CancelPendingRead();
        ReadResult result = await cancelled.Task.Within("the read was cancelled");
        Assert.True(result.IsCanceled);
        Assert.False(result.IsCompleted);
        Assert.InRange(Environment.TickCount64 - since, 0, 2500);
        Assert.Equal("on", await client.EchoAsync("on"));
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_token_ends_a_read_that_waits_and_the_connection_goes_on(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var ended = new TaskCompletionSource<(Exception? Error, long Milliseconds)>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            long since = Environment.TickCount64;
            using var token = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
            Exception? error = await Record.ExceptionAsync(async () => await connection.Transport.Input.ReadAsync(token.Token));
            ended.SetResult((error, Environment.TickCount64 - since));
            await Handlers.Echo(connection);
        });
        await using RawClient client = await server.ConnectAsync();
        (Exception? error, long milliseconds) = await ended.Task.Within("the read ended");
        Assert.IsAssignableFrom<OperationCanceledException>(error);
        Assert.InRange(milliseconds, 190, 2700);
        Assert.Equal("on", await client.EchoAsync("on"));
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_flush_that_waits_is_cancelled_and_a_later_one_sends_the_rest(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        byte[] sent = Payload.Make(24 * 1024 * 1024, seed: 5);
        var cancelled = new TaskCompletionSource<FlushResult>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeWriter output = connection.Transport.Output;
            using var timer = new Timer(_ => output.CancelPendingFlush(), state: null, 200, Timeout.Infinite);
            cancelled.SetResult(await output.WriteAsync(sent));
            using var token = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
            Assert.IsAssignableFrom<OperationCanceledException>(await Record.ExceptionAsync(async () => await output.FlushAsync(token.Token)));
            Assert.True(output.UnflushedBytes > 0);
            await output.FlushAsync();
        });
        await using RawClient client = await server.ConnectAsync();
        Assert.True((await cancelled.Task.Within("the flush was cancelled")).IsCanceled);
        await Task.Delay(cell.Model.Capabilities.Blocking ? 2300 : 400); // the second is cancelled too before anything moves
        Assert.True(Payload.Same(sent, await client.ReceiveExactlyAsync(sent.Length)));
        Assert.Empty(await client.ReceiveToEndAsync());
        Assert.Null((await server.EndedAsync()).Failure);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task CancelPendingRead_before_a_read_ends_the_next_one_at_once(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        bool first = false;
        bool second = true;
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeReader input = connection.Transport.Input;
            input.CancelPendingRead();
            ReadResult result = await input.ReadAsync();
            first = result.IsCanceled;
            input.AdvanceTo(result.Buffer.Start);
            result = await input.ReadAsync();
            second = result.IsCanceled;
            input.AdvanceTo(result.Buffer.End);
        });
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[1]);
        await client.WaitForEndAsync();
        Assert.True(first);
        Assert.False(second);
    });
}
