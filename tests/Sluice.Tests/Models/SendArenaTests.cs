using Sluice.Models.Completion;

namespace Sluice.Tests.Models;

public sealed class SendArenaTests
{
    [Fact]
    public void Rooms_of_a_turn_do_not_overlap_and_only_the_last_grows()
    {
        var arena = new SendArena();
        byte[] first = arena.Allocate(100, out int one);
        byte[] second = arena.Allocate(100, out int two);
        Assert.Same(first, second);
        Assert.True(two >= one + 100);
        Assert.False(arena.TryExtend(first, one + 100, 1));
        Assert.True(arena.TryExtend(second, two + 100, 50));
        arena.Allocate(10, out int three);
        Assert.True(three >= two + 150);
        Assert.False(arena.TryExtend(first, three + 10, SendArena.Most));
    }

    [Fact]
    public void What_does_not_fit_goes_to_another_array()
    {
        var arena = new SendArena();
        byte[] first = arena.Allocate(SendArena.Most - 10, out int one);
        byte[] second = arena.Allocate(SendArena.Most, out int two);
        Assert.Equal((0, 0), (one, two));
        Assert.NotSame(first, second);
        Assert.False(arena.TryExtend(first, SendArena.Most - 10, 1));
    }

    [Fact]
    public void What_a_turn_sent_is_overwritten_two_turns_later_and_not_before()
    {
        var arena = new SendArena();
        byte[][] sent = [.. Enumerable.Range(0, 3).Select(_ => arena.Allocate(SendArena.Most, out int _))];
        arena.Turn();
        byte[][] next = [.. Enumerable.Range(0, 3).Select(_ => arena.Allocate(SendArena.Most, out int _))];
        Assert.Empty(next.Intersect(sent));
        arena.Turn();
        byte[][] third = [.. Enumerable.Range(0, 3).Select(_ => arena.Allocate(SendArena.Most, out int _))];
        Assert.Empty(third.Intersect(next));
        Assert.Equal(3, third.Intersect(sent).Count());
    }

    [Fact]
    public void Turns_allocate_nothing_once_their_arrays_are_there()
    {
        var arena = new SendArena();
        long before = 0;
        for (int turn = 0; turn < 100; turn++)
        {
            if (turn == 10)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }

            for (int i = 0; i < 100; i++)
            {
                arena.Allocate(2000, out _);
            }

            arena.Turn();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
