using System.Text;

namespace Sluice.Native.Tests;

public sealed class DescriptorChannelTests
{
    [Fact]
    public void Messages_stay_whole_and_in_order()
    {
        (DescriptorChannel ours, DescriptorChannel theirs) = Pair();
        using DescriptorChannel _ = ours, __ = theirs;
        Assert.Equal(NativeError.None, ours.Send("one"u8));
        Assert.Equal(NativeError.None, ours.Send("two and more"u8));
        Assert.Equal("one", Receive(theirs, out int[] none));
        Assert.Empty(none);
        Assert.Equal("two ", Receive(theirs, out none, room: 4)); // cut, not carried over
        Assert.Equal(NativeError.WouldBlock, theirs.Receive(new byte[9], [], out int _, wait: false).Error);
    }

    [Fact]
    public void Descriptors_arrive_as_copies_that_are_closed_in_children()
    {
        (DescriptorChannel ours, DescriptorChannel theirs) = Pair();
        using DescriptorChannel _ = ours, __ = theirs;
        string path = Path.GetTempFileName();
        using (var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, 1, FileOptions.DeleteOnClose))
        {
            int number = (int)file.SafeFileHandle.DangerousGetHandle();
            Assert.Equal(NativeError.None, ours.Send("take"u8, [number, number]));
            Assert.Equal("take", Receive(theirs, out int[] got));
            Assert.Equal(2, got.Length);
            foreach (int copy in got)
            {
                Assert.Equal(path, new FileInfo($"/proc/self/fd/{copy}").LinkTarget);
                Assert.Equal(1, Libc.fcntl(copy, 1, 0)); // F_GETFD: FD_CLOEXEC
                DescriptorChannel.Close(copy);
            }
        }
    }

    [Theory, InlineData(1), InlineData(DescriptorChannel.MostDescriptors)]
    public void What_there_is_no_room_for_is_closed(int sent)
    {
        (DescriptorChannel ours, DescriptorChannel theirs) = Pair();
        using DescriptorChannel _ = ours, __ = theirs;
        int before = SocketPair.OpenDescriptors;
        int[] many = [.. Enumerable.Repeat(ours.Descriptor, sent)];
        Assert.Equal(NativeError.None, ours.Send("many"u8, many));
        Assert.Equal(4, theirs.Receive(new byte[8], [], out int received, wait: true).Count);
        Assert.Equal(0, received);
        Assert.InRange(SocketPair.OpenDescriptors, 0, before + 20); // other tests run beside this one
    }

    [Fact]
    public void Too_many_descriptors_are_an_error_and_nothing_is_sent()
    {
        (DescriptorChannel ours, DescriptorChannel theirs) = Pair();
        using DescriptorChannel _ = ours, __ = theirs;
        Assert.Throws<ArgumentOutOfRangeException>(() => ours.Send("many"u8, [.. Enumerable.Repeat(ours.Descriptor, DescriptorChannel.MostDescriptors + 1)]));
        Assert.Equal(NativeError.WouldBlock, theirs.Receive(new byte[8], [], out int _, wait: false).Error);
    }

    [Fact]
    public void The_end_of_the_other_is_told_to_who_receives_and_to_who_sends()
    {
        (DescriptorChannel ours, DescriptorChannel theirs) = Pair();
        using DescriptorChannel _ = ours;
        Assert.Equal(NativeError.None, theirs.Send("last word"u8));
        theirs.Dispose();
        Assert.Equal(NativeError.BrokenPipe, ours.Send("x"u8));
        Assert.Equal("last word", Receive(ours, out int[] none));
        Assert.Equal(SocketResult.Of(0), ours.Receive(new byte[8], [], out int received, wait: true));
        Assert.Equal((0, 0), (received, none.Length));
        Assert.Equal(NativeError.BrokenPipe, theirs.Send("x"u8)); // disposed
    }

    [Fact]
    public void Who_is_not_heard_does_not_wait()
    {
        (DescriptorChannel ours, DescriptorChannel theirs) = Pair();
        using DescriptorChannel _ = ours, __ = theirs;
        NativeError error = NativeError.None;
        for (int i = 0; i < 100_000 && error == NativeError.None; i++)
        {
            error = ours.Send(new byte[1000]);
        }

        Assert.Equal(NativeError.WouldBlock, error);
    }

    private static (DescriptorChannel Ours, DescriptorChannel Theirs) Pair()
    {
        DescriptorChannel ours = DescriptorChannel.Open(out int theirs, out NativeError error) ?? throw new InvalidOperationException($"{error}");
        return (ours, new DescriptorChannel(theirs));
    }

    private static string Receive(DescriptorChannel from, out int[] descriptors, int room = 100)
    {
        byte[] bytes = new byte[room];
        int[] numbers = new int[DescriptorChannel.MostDescriptors];
        SocketResult got = from.Receive(bytes, numbers, out int count, wait: true);
        descriptors = numbers[..count];
        return Encoding.UTF8.GetString(bytes, 0, got.Count);
    }
}
