using System.Diagnostics;

namespace Sluice.Native.Tests;

public sealed class DescriptorSelectTests
{
    [Fact]
    public void Only_the_ready_bits_come_back()
    {
        using var quiet = new EventDescriptor();
        using var set = new EventDescriptor();
        set.Set();
        ulong[] read = Bitmap(quiet.Number, set.Number);
        ulong[] write = Bitmap(quiet.Number);
        ulong[] except = Bitmap(quiet.Number, set.Number);
        Assert.Equal(2, DescriptorSelect.Wait(Limit(read), read, write, except, Timeout.InfiniteTimeSpan, out NativeError error));
        Assert.Equal(NativeError.None, error);
        Assert.Equal(Bitmap(set.Number), read);
        Assert.Equal(Bitmap(quiet.Number), write);
        Assert.Equal(Bitmap(), except);
    }

    [Fact]
    public void A_set_that_is_not_given_is_not_asked_for()
    {
        using var quiet = new EventDescriptor();
        ulong[] write = Bitmap(quiet.Number);
        Assert.Equal(0, DescriptorSelect.Wait(Limit(write), Bitmap(quiet.Number), default, default, TimeSpan.Zero, out _));
        Assert.Equal(1, DescriptorSelect.Wait(Limit(write), default, write, default, TimeSpan.Zero, out _));
        Assert.Equal(0, DescriptorSelect.Wait(0, default, default, default, TimeSpan.Zero, out NativeError error));
        Assert.Equal(NativeError.None, error);
    }

    [Fact]
    public void It_gives_up_at_its_timeout()
    {
        using var quiet = new EventDescriptor();
        ulong[] read = Bitmap(quiet.Number);
        var clock = Stopwatch.StartNew();
        Assert.Equal(0, DescriptorSelect.Wait(Limit(read), read, default, default, TimeSpan.FromMilliseconds(100), out NativeError error));
        Assert.InRange(clock.ElapsedMilliseconds, 99, 5000);
        Assert.Equal(NativeError.None, error);
        Assert.Equal(Bitmap(), read);
    }

    [Fact]
    public void A_bit_of_a_closed_descriptor_fails_the_call_and_leaves_the_sets()
    {
        using var quiet = new EventDescriptor();
        int closed = ClosedNumber();
        ulong[] read = Bitmap(quiet.Number, closed);
        Assert.Equal(0, DescriptorSelect.Wait(Limit(read), read, default, default, TimeSpan.Zero, out NativeError error));
        Assert.Equal(NativeError.BadDescriptor, error);
        Assert.Equal(Bitmap(quiet.Number, closed), read);
        Assert.Equal(1, DescriptorPoll.Wait([new() { Descriptor = closed }], 0));
    }

    [Fact]
    public void A_set_shorter_than_the_limit_is_refused_before_the_kernel_writes_beyond_it()
    {
        ulong[] read = new ulong[1];
        Assert.Throws<ArgumentOutOfRangeException>(() => DescriptorSelect.Wait(65, read, default, default, TimeSpan.Zero, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => DescriptorSelect.Wait(65, default, read, default, TimeSpan.Zero, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => DescriptorSelect.Wait(65, default, default, read, TimeSpan.Zero, out _));
        Assert.Equal(0, DescriptorSelect.Wait(64, read, default, default, TimeSpan.Zero, out _));
    }

    // The kernel gives the lowest free number. Many lower ones are free now, so that no other test gets this one soon.
    private static int ClosedNumber()
    {
        EventDescriptor[] many = [.. Enumerable.Range(0, 200).Select(_ => new EventDescriptor())];
        int highest = many.Max(one => one.Number);
        Array.ForEach(many, one => one.Dispose());
        return highest;
    }

    private static ulong[] Bitmap(params int[] descriptors)
    {
        ulong[] words = new ulong[32];
        foreach (int descriptor in descriptors)
        {
            words[descriptor / DescriptorSelect.BitsPerWord] |= 1UL << (descriptor % DescriptorSelect.BitsPerWord);
        }

        return words;
    }

    private static int Limit(ulong[] words) => words.Length * DescriptorSelect.BitsPerWord;
}
