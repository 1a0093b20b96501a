using Sluice.Accepting;
using Sluice.Connections;
using Sluice.Diagnostics;
using Sluice.Tests.Support;
using Sluice.Transports.InMemory;

namespace Sluice.Tests.Accepting;

public sealed class LimitSweepTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(150);

    private readonly ConnectionTable _table = new();
    private readonly ServerMetrics _metrics = new(new ServerEvents(), static () => []);
    private readonly List<IDisposable> _sweeps = [];

    public static TheoryData<PipeKind> Kinds => [PipeKind.Blocking, PipeKind.Async];

    public void Dispose()
    {
        _sweeps.ForEach(sweep => sweep.Dispose());
        _metrics.Dispose();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_read_that_waits_too_long_ends_its_connection_and_no_other(PipeKind kind)
    {
        (GatedConnection waiting, _) = Add(kind);
        (GatedConnection busy, _) = Add(kind);
        Task reading = Threaded(async () => await waiting.Input.ReadAsync());
        Sweep(limits => limits.IdleTimeout = Short);
        await reading.Within("the read ends");
        Assert.Equal(CloseReason.IdleTimeout, waiting.CloseReason);
        Assert.Equal(CloseReason.None, busy.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Traffic_keeps_a_reader_alive(PipeKind kind)
    {
        (GatedConnection silent, _) = Add(kind);
        (GatedConnection alive, InMemoryStreamSocket peer) = Add(kind);
        using var stop = new CancellationTokenSource();
        Task reading = Threaded(async () => await ReadToEndAsync(alive));
        Task silentReading = Threaded(async () => await silent.Input.ReadAsync());
        Sweep(limits => limits.IdleTimeout = TimeSpan.FromMilliseconds(500));

        // The silent one's end is the clock: by then the one with traffic has lived as long.
        while (!silentReading.IsCompleted)
        {
            peer.SendAll("x"u8);
            await Task.WhenAny(silentReading, Task.Delay(20));
        }

        Assert.Equal(CloseReason.IdleTimeout, silent.CloseReason);
        Assert.Equal(CloseReason.None, alive.CloseReason);
        peer.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        await reading.Within("the reader ends");
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task No_first_byte_in_time_ends_only_who_sent_none(PipeKind kind)
    {
        (GatedConnection silent, _) = Add(kind);
        (GatedConnection spoke, InMemoryStreamSocket peer) = Add(kind);
        peer.SendAll("x"u8);
        await Threaded(async () => await spoke.Input.ReadAsync()).Within("the first byte");
        Sweep(limits => limits.FirstByteTimeout = Short);
        await Eventually.Until(() => silent.CloseReason != CloseReason.None, "the first-byte timeout");
        Assert.Equal(CloseReason.FirstByteTimeout, silent.CloseReason);
        Assert.Equal(CloseReason.None, spoke.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_lifetime_ends_whoever_has_reached_it(PipeKind kind)
    {
        (GatedConnection connection, _) = Add(kind);
        Sweep(limits => limits.Lifetime = Short);
        await Eventually.Until(() => connection.CloseReason != CloseReason.None, "the lifetime");
        Assert.Equal(CloseReason.Lifetime, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_flush_without_progress_ends_its_connection(PipeKind kind)
    {
        (GatedConnection connection, _) = Add(kind);
        connection.Fill();
        Task flushing = Threaded(async () => await connection.Output.WriteAsync(new byte[10]));
        Sweep(limits => limits.WriteTimeout = Short);
        await Assert.ThrowsAnyAsync<Microsoft.AspNetCore.Connections.ConnectionAbortedException>(() => flushing.Within("the flush ends"));
        Assert.Equal(CloseReason.WriteTimeout, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_message_of_others_that_cannot_go_out_ends_its_connection(PipeKind kind)
    {
        (GatedConnection connection, _) = Add(kind);
        connection.Fill();
        Assert.True(connection.TrySend("x"u8));
        Sweep(limits => limits.WriteTimeout = Short);
        await Eventually.Until(() => connection.CloseReason != CloseReason.None, "the write timeout");
        Assert.Equal(CloseReason.WriteTimeout, connection.CloseReason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_message_of_others_that_waits_at_the_first_look_has_its_whole_time(PipeKind kind)
    {
        (GatedConnection connection, _) = Add(kind);
        (GatedConnection clock, _) = Add(kind);
        Task reading = Threaded(async () => await clock.Input.ReadAsync());
        connection.Fill();
        Assert.True(connection.TrySend("x"u8));
        Sweep(limits => (limits.WriteTimeout, limits.IdleTimeout) = (TimeSpan.FromSeconds(10), Short));
        await reading.Within("another connection's limit");
        Assert.Equal((CloseReason.IdleTimeout, CloseReason.None), (clock.CloseReason, connection.CloseReason));
        connection.Abort();
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_peer_too_slow_inside_a_unit_is_ended_and_one_that_owes_nothing_is_not(PipeKind kind)
    {
        (GatedConnection slow, _) = Add(kind);
        (GatedConnection idle, _) = Add(kind);
        ((IConnectionUnit)slow).BeginUnit();
        Task slowReading = Threaded(async () => await slow.Input.ReadAsync());
        _ = Threaded(async () => await idle.Input.ReadAsync());
        Sweep(limits => (limits.MinRate, limits.MinRateWindow) = (1000, Short));
        await slowReading.Within("the slow peer's end");
        Assert.Equal(CloseReason.MinRate, slow.CloseReason);
        Assert.Equal(CloseReason.None, idle.CloseReason);
        idle.Abort();
    }

    [Fact]
    public async Task Without_limits_nobody_is_ended()
    {
        (GatedConnection unlimited, _) = Add(PipeKind.Blocking);
        Sweep(limits => limits.WriteTimeout = null);
        var others = new ConnectionTable();
        (GatedConnection clock, _) = Connected.Make(PipeKind.Blocking);
        others.Add(clock);
        using var sweep = new LimitSweep(new ServerLimits { Lifetime = Short }, others, _metrics);
        await Eventually.Until(() => clock.CloseReason == CloseReason.Lifetime, "another sweep's limit");
        Assert.Equal(CloseReason.None, unlimited.CloseReason);
    }

    private (GatedConnection Connection, InMemoryStreamSocket Peer) Add(PipeKind kind)
    {
        (GatedConnection connection, InMemoryStreamSocket peer) = Connected.Make(kind);
        _table.Add(connection);
        return (connection, peer);
    }

    private void Sweep(Action<ServerLimits> set)
    {
        var limits = new ServerLimits { WriteTimeout = null };
        set(limits);
        _sweeps.Add(new LimitSweep(limits, _table, _metrics));
    }

    private static async Task ReadToEndAsync(GatedConnection connection)
    {
        while (true)
        {
            System.IO.Pipelines.ReadResult result = await connection.Input.ReadAsync();
            connection.Input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return;
            }
        }
    }

    private static Task Threaded(Func<Task> body) =>
        Task.Factory.StartNew(body, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
}
