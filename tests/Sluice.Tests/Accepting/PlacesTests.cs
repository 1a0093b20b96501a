using Sluice.Accepting;

namespace Sluice.Tests.Accepting;

public sealed class PlacesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(64)]
    public async Task No_more_are_inside_than_the_maximum_whoever_takes(int maximum)
    {
        var gate = new Places(maximum);
        int inside = 0;
        int most = 0;
        int taken = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            var random = new Random(thread);
            for (int i = 0; i < 20_000; i++)
            {
                int wanted = random.Next(0, maximum + 3);
                int got = gate.Take(wanted);
                Assert.InRange(got, 0, wanted);
                int now = Interlocked.Add(ref inside, got);
                if (now > maximum)
                {
                    Interlocked.Exchange(ref most, now);
                }

                Interlocked.Add(ref taken, got);
                Interlocked.Add(ref inside, -got);
                gate.GiveBack(got);
            }
        }))).Within("all have ended");
        Assert.Equal(0, most);
        Assert.Equal(0, gate.Taken);
        Assert.True(taken > 1_000, "nobody came in");
        Assert.Equal(maximum, gate.Take(maximum + 1));
        Assert.False(gate.HasRoom);
        Assert.Equal(0, gate.Take(1));
    }

    [Fact]
    public void Whoever_waits_is_told_when_a_place_is_free_after_none_was_and_no_other_time()
    {
        var gate = new Places(3);
        int told = 0;
        void Freed() => told++;
        gate.OnFreed(Freed);
        Assert.Equal(2, gate.Take(2));
        gate.GiveBack(1);
        Assert.Equal(0, told);
        Assert.Equal(2, gate.Take(9));
        gate.GiveBack(0);
        Assert.Equal(0, told);
        gate.GiveBack(2);
        Assert.Equal(1, told);
        gate.GiveBack(1);
        Assert.Equal(1, told);
        Assert.Equal(3, gate.Take(3));
        gate.NotOnFreed(Freed);
        gate.GiveBack(3);
        Assert.Equal(1, told);
    }
}
