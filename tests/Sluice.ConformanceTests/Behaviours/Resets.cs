using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Sluice.Testing;

namespace Sluice.ConformanceTests.Behaviours;

public sealed class Resets
{
    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_reset_while_a_read_waits_completes_the_reader_and_notes_the_reason(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var results = new List<ReadResult>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await Handlers.ReadExactlyAsync(connection.Transport.Input, 5);
            await connection.Transport.Output.WriteAsync(new byte[1]);
            ReadResult result = await connection.Transport.Input.ReadAsync();
            results.Add(result);
            connection.Transport.Input.AdvanceTo(result.Buffer.End);
        });
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[5]);
        await client.ReceiveExactlyAsync(1);
        client.Reset();
        Diagnostics.ConnectionEnded ended = await server.EndedAsync();
        Assert.Null(ended.Failure);
        Assert.True(Assert.Single(results).IsCompleted);
        Assert.Equal(cell.IsTcp || cell.IsMemory ? CloseReason.PeerReset : CloseReason.Completed, ended.Reason);
    });

    [Theory, MemberData(nameof(Matrix.TcpCells), MemberType = typeof(Matrix))]
    public Task A_reset_with_unread_bytes_throws(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var thrown = new TaskCompletionSource<Exception?>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeReader input = connection.Transport.Input;
            ReadResult result = await input.ReadAsync();
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            await connection.Transport.Output.WriteAsync(new byte[1]);
            thrown.SetResult(await Record.ExceptionAsync(async () => await input.ReadAsync()));
        });
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[5]);
        await client.ReceiveExactlyAsync(1);
        client.Reset();
        Assert.IsType<ConnectionResetException>(await thrown.Task.Within("the read ended"));
        Assert.Equal(CloseReason.PeerReset, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.WaitingTcpCells), MemberType = typeof(Matrix))]
    public Task A_reset_that_a_small_flush_meets_is_no_FIN_to_the_reader(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var thrown = new TaskCompletionSource<Exception?>();
        var flushed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var isReset = new ManualResetEventSlim();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            PipeReader input = connection.Transport.Input;
            ReadResult result = await input.ReadAsync();
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            await connection.Transport.Output.WriteAsync(new byte[1]);
            flushed.SetResult();
            isReset.Wait(); // blocks its loop, so that flush, reset and the wait for more meet in one turn
            thrown.SetResult(await Record.ExceptionAsync(async () =>
            {
                await connection.Transport.Output.WriteAsync(new byte[1]);
                await input.ReadAsync();
            }));
        }, options => options.Loops = cell.IsLoop ? 1 : null);
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[5]);
        await flushed.Task.Within("its handler has flushed");
        client.Reset();
        isReset.Set();
        Assert.IsType<ConnectionResetException>(await thrown.Task.Within("the read ended"));
        Assert.Equal(CloseReason.PeerReset, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task A_reset_during_a_flush_throws_ConnectionResetException(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var thrown = new TaskCompletionSource<Exception?>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await connection.Transport.Output.WriteAsync(new byte[1]);
            thrown.SetResult(await Record.ExceptionAsync(async () => await connection.Transport.Output.WriteAsync(new byte[32 * 1024 * 1024])));
        });
        await using RawClient client = await server.ConnectAsync();
        await client.ReceiveExactlyAsync(1);
        client.Reset();
        Assert.IsType<ConnectionResetException>(await thrown.Task.Within("the flush ended"));
        Assert.Equal(CloseReason.PeerReset, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Abort_resets_the_peer_and_ends_the_handler(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            await connection.Transport.Input.ReadAsync();
            connection.Abort();
        });
        await using RawClient client = await server.ConnectAsync();
        await client.SendAsync(new byte[5]);
        bool reset = await client.WaitForEndAsync();
        Assert.True(reset || !(cell.IsTcp || cell.IsMemory), "the peer saw FIN where it should see a reset");
        Assert.Equal(CloseReason.Aborted, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Abort_from_elsewhere_wakes_a_read_that_waits(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var connected = new TaskCompletionSource<ConnectionContext>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connected.SetResult(connection);
            await Handlers.DrainAsync(connection.Transport.Input);
        });
        await using RawClient client = await server.ConnectAsync();
        ConnectionContext aborted = await connected.Task.Within("a connection came");
        aborted.Abort();
        bool reset = await client.WaitForEndAsync();
        Assert.True(reset || !(cell.IsTcp || cell.IsMemory), "the peer saw FIN where it should see a reset");
        Assert.Equal(CloseReason.Aborted, (await server.EndedAsync()).Reason);
        await Eventually.Until(() => aborted.ConnectionClosed.IsCancellationRequested, "ConnectionClosed fired");
    });

    [Theory, MemberData(nameof(Matrix.Cells), MemberType = typeof(Matrix))]
    public Task Abort_from_elsewhere_wakes_a_flush_that_waits(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var connected = new TaskCompletionSource<ConnectionContext>();
        var thrown = new TaskCompletionSource<Exception?>();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connected.SetResult(connection);
            thrown.SetResult(await Record.ExceptionAsync(async () => await connection.Transport.Output.WriteAsync(new byte[32 * 1024 * 1024])));
        });
        await using RawClient client = await server.ConnectAsync();
        ConnectionContext aborted = await connected.Task.Within("a connection came");
        await client.ReceiveExactlyAsync(1000); // it flushes now
        aborted.Abort();
        Assert.IsType<ConnectionAbortedException>(await thrown.Task.Within("the flush ended"));
        Assert.Equal(CloseReason.Aborted, (await server.EndedAsync()).Reason);
    });

    [Theory, MemberData(nameof(Matrix.TcpCells), MemberType = typeof(Matrix))]
    public Task ConnectionClosed_fires_when_the_peer_resets(string model, string transport) => Cell.RunAsync(model, transport, async cell =>
    {
        var fired = new TaskCompletionSource();
        await using RunningServer server = await cell.StartAsync(async connection =>
        {
            connection.ConnectionClosed.Register(() => fired.TrySetResult());
            await connection.Transport.Output.WriteAsync(new byte[1]);
            // Where the model waits without a thread, it fires also while no read waits.
            await (cell.Model.Capabilities.Blocking ? Handlers.DrainAsync(connection.Transport.Input) : fired.Task);
        });
        await using RawClient client = await server.ConnectAsync();
        await client.ReceiveExactlyAsync(1);
        client.Reset();
        await fired.Task.Within("ConnectionClosed fired");
        await server.EndedAsync();
    });
}
