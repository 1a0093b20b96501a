using Sluice.Accepting;
using Sluice.Tests.Support;

namespace Sluice.Tests.Accepting;

public sealed class ConnectionGateTests
{
    [Fact]
    public async Task Never_more_than_the_maximum_come_in_however_they_race()
    {
        const int Maximum = 3;
        var gate = new ConnectionGate(Maximum, perSource: null, OnLimit.Wait);
        int inside = 0;
        int most = 0;
        int came = 0;
        using var together = new Barrier(8);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => OnThread(() =>
        {
            together.SignalAndWait();
            for (int i = 0; i < 20_000; i++)
            {
                if (gate.TryTake())
                {
                    int now = Interlocked.Increment(ref inside);
                    InterlockedMax(ref most, now);
                    Interlocked.Increment(ref came);
                    Interlocked.Decrement(ref inside);
                    gate.GiveBack();
                }
            }
        }))).Within("eight threads at the gate");

        Assert.InRange(most, 1, Maximum);
        Assert.True(came > 0);
        Assert.Equal(0, gate.Taken);
    }

    [Fact]
    public async Task Never_more_than_its_maximum_come_from_one_source_however_they_race()
    {
        var gate = new ConnectionGate(1000, perSource: 2, OnLimit.Refuse);
        int inside = 0;
        int most = 0;
        using var together = new Barrier(8);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => OnThread(() =>
        {
            var socket = new StubSocket(42);
            together.SignalAndWait();
            for (int i = 0; i < 5_000; i++)
            {
                if (gate.TryCount(socket))
                {
                    InterlockedMax(ref most, Interlocked.Increment(ref inside));
                    Interlocked.Decrement(ref inside);
                    gate.Uncount(42);
                }
            }
        }))).Within("eight threads from one source");

        Assert.InRange(most, 1, 2);
        Assert.True(gate.TryCount(new StubSocket(42)));
        Assert.True(gate.TryCount(new StubSocket(42)));
        Assert.False(gate.TryCount(new StubSocket(42)));
    }

    [Fact]
    public void Sources_are_counted_apart_and_one_without_a_source_not_at_all()
    {
        var gate = new ConnectionGate(10, perSource: 1, OnLimit.Refuse);
        Assert.True(gate.TryCount(new StubSocket(1)));
        Assert.True(gate.TryCount(new StubSocket(2)));
        Assert.False(gate.TryCount(new StubSocket(1)));
        Assert.True(gate.TryCount(new StubSocket(0)));
        Assert.True(gate.TryCount(new StubSocket(0)));
        gate.Uncount(1);
        Assert.True(gate.TryCount(new StubSocket(1)));
    }

    [Fact]
    public void Who_waits_is_told_when_a_full_gate_has_a_place_again()
    {
        var gate = new ConnectionGate(2, perSource: null, OnLimit.Wait);
        int told = 0;
        Action freed = () => told++;
        gate.OnFreed(freed);
        Assert.True(gate.TryTake());
        gate.GiveBack();
        Assert.Equal(0, told);
        Assert.True(gate.TryTake());
        Assert.True(gate.TryTake());
        Assert.False(gate.TryTake());
        gate.GiveBack();
        Assert.Equal(1, told);
        gate.NotOnFreed(freed);
        Assert.True(gate.TryTake());
        gate.GiveBack();
        Assert.Equal(1, told);
    }

    private static Task OnThread(Action body) => Task.Factory.StartNew(body, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static void InterlockedMax(ref int most, int now)
    {
        int seen = Volatile.Read(ref most);
        while (now > seen && Interlocked.CompareExchange(ref most, now, seen) is var before && before != seen)
        {
            seen = before;
        }
    }
}
