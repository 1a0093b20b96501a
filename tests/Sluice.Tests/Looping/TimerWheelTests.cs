using CsCheck;
using Sluice.Looping;

namespace Sluice.Tests.Looping;

public sealed class TimerWheelTests
{
    private const int Tick = 10;
    private const int Buckets = 1024;
    private const long Start = 1_000_003; // not a multiple of the tick
    private const long Hour = 3_600_000;

    private enum Act
    {
        Schedule,
        Cancel,
        Take,
        Wait,
        Jump,
    }

    // Deadlines past, of the same tick, of this turn of the wheel, and beyond its horizon.
    private static readonly Gen<long> Ahead = Gen.Frequency(
        (1, Gen.Long[-2 * Hour, 0]), (4, Gen.Long[0, 3 * Tick]), (4, Gen.Long[0, Buckets * Tick]), (2, Gen.Long[0, 3L * Buckets * Tick]),
        (1, Gen.Long[0, 10 * Hour]), (1, Gen.Long[((Buckets - 1) * Tick) - 2, (Buckets * Tick) + 2]), (1, Gen.Const(long.MaxValue / 2)));

    private static readonly Gen<(Act Act, int Slot, long Ahead, long Pause)[]> Steps = Gen.Select(
        Gen.Frequency((6, Gen.Const(Act.Schedule)), (2, Gen.Const(Act.Cancel)), (2, Gen.Const(Act.Take)), (3, Gen.Const(Act.Wait)), (1, Gen.Const(Act.Jump))),
        Gen.Frequency((9, Gen.Int[0, 12]), (1, Gen.Int[0, 5000])),
        Ahead,
        Gen.Frequency((3, Gen.Long[0, 4 * Tick]), (2, Gen.Long[0, 2L * Buckets * Tick]), (1, Gen.Long[0, 3 * Hour]))).Array[1, 120];

    [Fact]
    public void A_deadline_is_taken_in_the_tick_after_it_and_once()
    {
        var wheel = new TimerWheel(TimeSpan.FromMilliseconds(Tick), Start);
        wheel.Schedule(7, Start + 25);
        Assert.True(wheel.IsScheduled(7));
        Assert.Equal(Start + 30, wheel.NextLook);
        Assert.False(wheel.TryTakeExpired(Start + 29, out _));
        Assert.True(wheel.TryTakeExpired(Start + 30, out int slot));
        Assert.Equal(7, slot);
        Assert.False(wheel.IsScheduled(7));
        Assert.False(wheel.TryTakeExpired(Start + 30, out _));
        Assert.Equal(0, wheel.Count);
        Assert.Equal(long.MaxValue, wheel.NextLook);
    }

    [Fact]
    public void A_deadline_that_is_past_is_taken_at_the_next_look()
    {
        var wheel = new TimerWheel(TimeSpan.FromMilliseconds(Tick), Start);
        Assert.False(wheel.TryTakeExpired(Start + 55, out _));
        wheel.Schedule(0, Start - Hour);
        Assert.True(wheel.NextLook <= Start + 55);
        Assert.True(wheel.TryTakeExpired(Start + 55, out int slot));
        Assert.Equal(0, slot);
    }

    [Fact]
    public void A_deadline_moves_and_is_taken_away()
    {
        var wheel = new TimerWheel(TimeSpan.FromMilliseconds(Tick), Start);
        wheel.Schedule(1, Start + 20);
        wheel.Schedule(1, Start + 200);
        Assert.Equal(1, wheel.Count);
        Assert.Equal(Start + 200, wheel.DueOf(1));
        Assert.Equal(Start + 200, wheel.NextLook);
        Assert.False(wheel.TryTakeExpired(Start + 199, out _));
        wheel.Schedule(2, Start + 200);
        wheel.Cancel(1);
        wheel.Cancel(1);
        wheel.Cancel(99);
        wheel.Cancel(-1);
        Assert.Equal(1, wheel.Count);
        Assert.True(wheel.TryTakeExpired(Start + 200, out int slot));
        Assert.Equal(2, slot);
        Assert.False(wheel.TryTakeExpired(Start + 200, out _));
    }

    [Fact]
    public void A_deadline_beyond_the_horizon_is_parked_and_put_down_again()
    {
        var wheel = new TimerWheel(TimeSpan.FromMilliseconds(Tick), Start);
        long due = Start + Hour;
        wheel.Schedule(3, due);
        int looks = 0;
        long now = Start;
        while (!wheel.TryTakeExpired(now, out _))
        {
            Assert.True(wheel.NextLook > now, "it does not look twice at one time");
            now = wheel.NextLook;
            looks++;
        }

        Assert.InRange(now, due, due + Tick - 1);
        Assert.InRange(looks, 2, (Hour / ((Buckets - 1) * Tick)) + 2);
    }

    [Fact]
    public void After_a_jump_of_hours_everything_due_comes_and_nothing_else()
    {
        var wheel = new TimerWheel(TimeSpan.FromMilliseconds(Tick), Start);
        for (int slot = 0; slot < 5000; slot++)
        {
            wheel.Schedule(slot, Start + (slot * 1000L));
        }

        long now = Start + 3_000_500;
        var taken = new List<int>();
        while (wheel.TryTakeExpired(now, out int slot))
        {
            taken.Add(slot);
        }

        Assert.Equal(Enumerable.Range(0, 3001), taken.Order());
        Assert.Equal(1999, wheel.Count);
    }

    [Fact]
    public void What_a_taken_slot_does_to_others_holds_at_once()
    {
        var wheel = new TimerWheel(TimeSpan.FromMilliseconds(Tick), Start);
        wheel.Schedule(0, Start + 10);
        wheel.Schedule(1, Start + 10);
        wheel.Schedule(2, Start + 10);
        Assert.True(wheel.TryTakeExpired(Start + 10, out int first));
        wheel.Cancel((first + 1) % 3);
        wheel.Schedule((first + 2) % 3, Start + 5000);
        wheel.Schedule(first, Start + 10);
        Assert.True(wheel.NextLook <= Start + 10);
        Assert.True(wheel.TryTakeExpired(Start + 10, out int again));
        Assert.Equal(first, again);
        Assert.False(wheel.TryTakeExpired(Start + 10, out _));
        Assert.Equal(Start + 5000, wheel.NextLook);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(-10)]
    public void A_tick_is_a_millisecond_at_least(double milliseconds) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TimerWheel(TimeSpan.FromMilliseconds(milliseconds), Start));

    [Fact]
    public void A_slot_is_not_negative() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TimerWheel(TimeSpan.FromMilliseconds(Tick), Start).Schedule(-1, Start));

    [Fact]
    public void Every_deadline_is_taken_once_never_early_and_at_most_a_tick_late() => Steps.Sample(steps =>
    {
        var model = new Model();
        foreach ((Act act, int slot, long ahead, long pause) in steps)
        {
            switch (act)
            {
                case Act.Schedule:
                    model.Schedule(slot, ahead);
                    break;
                case Act.Cancel:
                    model.Cancel(slot);
                    break;
                case Act.Take:
                    model.TakeOne();
                    break;
                case Act.Wait:
                    model.Wait(pause);
                    break;
                default:
                    model.Jump(pause);
                    break;
            }

            model.Check();
        }

        model.Jump(20 * Hour);
        model.Check();
    }, iter: 3000);

    [Fact]
    public void Nothing_allocates_once_the_slots_are_known_and_a_wheel_without_deadlines_is_small()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        var idle = new TimerWheel(TimeSpan.FromMilliseconds(Tick), Start);
        idle.Cancel(5);
        Assert.False(idle.TryTakeExpired(Start + Hour, out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 300);

        var wheel = new TimerWheel(TimeSpan.FromMilliseconds(Tick), Start);
        wheel.Schedule(1023, Start);
        before = GC.GetAllocatedBytesForCurrentThread();
        long now = Start;
        int taken = 0;
        for (int i = 0; i < 100_000; i++)
        {
            wheel.Schedule(i % 1024, now + (i * 7 % 20_000));
            wheel.Cancel(i * 3 % 1024);
            now += i % 3;
            taken += wheel.NextLook <= now && wheel.TryTakeExpired(now, out _) ? 1 : 0;
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(taken > 100);
    }

    /// <summary>A wheel beside a dictionary that says what has to come.</summary>
    private sealed class Model
    {
        private readonly TimerWheel _wheel = new(TimeSpan.FromMilliseconds(Tick), Start);
        private readonly Dictionary<int, (long Due, long Since)> _expected = [];
        private long _now = Start;

        public void Schedule(int slot, long ahead)
        {
            _wheel.Schedule(slot, _now + ahead);
            _expected[slot] = (_now + ahead, _now);
        }

        public void Cancel(int slot)
        {
            _wheel.Cancel(slot);
            _expected.Remove(slot);
        }

        public bool TakeOne()
        {
            if (!_wheel.TryTakeExpired(_now, out int slot))
            {
                Assert.True(_wheel.NextLook > _now, "nothing is to be had, so the next look is later");
                Assert.All(_expected, left => Assert.True(left.Value.Due > _now - Tick, "none is left behind"));
                return false;
            }

            Assert.True(_expected.Remove(slot, out (long Due, long Since) deadline), "only what is scheduled is taken, and once");
            Assert.True(deadline.Due <= _now, "never early");
            return true;
        }

        // As a loop does: looks when the wheel says so.
        public void Wait(long pause)
        {
            long until = _now + pause;
            while (TakeOne())
            {
            }

            while (_wheel.NextLook <= until)
            {
                _now = _wheel.NextLook;
                foreach ((long due, long since) in _expected.Values)
                {
                    Assert.True(_now < Math.Max(due, since) + Tick, "at most a tick late");
                }

                while (TakeOne())
                {
                }
            }

            _now = until;
        }

        // As a loop that was held up.
        public void Jump(long pause)
        {
            _now += pause;
            while (TakeOne())
            {
            }
        }

        public void Check()
        {
            Assert.Equal(_expected.Count, _wheel.Count);
            Assert.All(_expected.Keys, slot => Assert.True(_wheel.IsScheduled(slot)));
            for (int slot = 0; slot <= 12; slot++)
            {
                Assert.Equal(_expected.ContainsKey(slot), _wheel.IsScheduled(slot));
            }

            long next = _wheel.NextLook;
            Assert.True(_expected.Count == 0 ? next == long.MaxValue : next < Math.Max(_expected.Values.Min(one => one.Due), _now) + Tick);
        }
    }
}
