using Sluice.Testing;

namespace Sluice.Native.Tests;

public sealed class RingProbeTests
{
    private const int Setup = 425;
    private const int Enter = 426;
    private const int Register = 427;

    [Fact]
    public void Where_these_tests_run_io_uring_can_be_used() => Assert.Null(IoUringProbe.Refusal);

    [Theory]
    [InlineData(Setup, 1, "io_uring_setup is not permitted here (EPERM")]
    [InlineData(Setup, 13, "io_uring_setup is not permitted here (EACCES")]
    [InlineData(Setup, 38, "this kernel has no io_uring (ENOSYS)")]
    [InlineData(Setup, 12, "RLIMIT_MEMLOCK is too low")]
    [InlineData(Setup, 22, "Linux 6.1")]
    [InlineData(Setup, 24, "ulimit -n")]
    [InlineData(Enter, 1, "io_uring_enter is not permitted here")]
    [InlineData(Enter, 38, "io_uring_enter failed (NotImplemented)")]
    [InlineData(Register, 22, "lacks what the loop needs")]
    public void A_filtered_call_is_named_as_the_cause(int call, int errno, string cause) =>
        Assert.Contains(cause, SystemCallFilter.Without(call, errno, IoUringProbe.Ask), StringComparison.Ordinal);

    [Fact]
    public void The_probe_leaves_no_descriptor_behind()
    {
        Assert.Null(IoUringProbe.Ask());
        int before = SocketPair.OpenDescriptors;
        for (int i = 0; i < 20; i++)
        {
            Assert.Null(IoUringProbe.Ask());
        }

        Assert.InRange(SocketPair.OpenDescriptors, 0, before + 10);
    }

    [Fact]
    public void Little_lockable_memory_makes_the_ring_smaller()
    {
        RingShape opened = SystemCallFilter.WithLockedMemory(64 * 1024, () =>
        {
            using IoUring? ring = IoUring.Open(RingShape.Steps, out NativeError error);
            Assert.Equal(NativeError.None, error);
            return new RingShape(0, ring!.CompletionCapacity, ring.Buffers.Entries, ring.Buffers.Size);
        });
        Assert.Equal(RingShape.Steps[^1] with { Submissions = 0 }, opened);
    }

    [Fact]
    public void No_lockable_memory_is_a_reason_to_refuse() => Assert.Contains("RLIMIT_MEMLOCK", SystemCallFilter.WithLockedMemory(0, IoUringProbe.Ask), StringComparison.Ordinal);

    [Fact]
    public void Flags_are_dropped_for_an_older_kernel_and_sizes_only_for_lack_of_memory()
    {
        var tried = new List<(int Completions, uint Flags)>();
        object? ring = RingSetup.Find<object>(RingShape.Steps.AsSpan(0, 3), Refuse(NativeError.NoMemory), out NativeError error);
        Assert.Null(ring);
        Assert.Equal(NativeError.NoMemory, error);
        Assert.Equal([(4096, 0x130D8u), (4096, 0x130D8u), (2048, 0x130D8u)], tried);

        tried.Clear();
        Assert.Null(RingSetup.Find<object>(RingShape.Steps, Refuse(NativeError.InvalidArgument), out error));
        Assert.Equal(NativeError.InvalidArgument, error);
        Assert.Equal([(4096, 0x130D8u), (4096, 0x30D8u), (4096, 0x3058u)], tried);

        tried.Clear();
        Assert.Null(RingSetup.Find<object>(RingShape.Steps, Refuse(NativeError.NotPermitted), out error));
        Assert.Equal((4096, 0x130D8u), Assert.Single(tried));

        RingSetup.Attempt<object> Refuse(NativeError reason) => (RingShape shape, uint flags, out NativeError said) =>
        {
            tried.Add((shape.Completions, flags));
            said = reason;
            return null;
        };
    }
}
