using System.Globalization;

namespace Sluice.Native.Tests;

public sealed class ThreadInterruptTests
{
    [Fact]
    public void The_signal_is_caught_so_that_it_ends_no_process()
    {
        Assert.True(ThreadInterrupt.IsSupported);
        string caught = File.ReadLines("/proc/self/status").First(line => line.StartsWith("SigCgt:", StringComparison.Ordinal))["SigCgt:".Length..].Trim();
        Assert.NotEqual(0UL, ulong.Parse(caught, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1UL << (50 - 1)));
    }

    [Fact]
    public async Task A_thread_blocked_in_a_receive_comes_out_interrupted()
    {
        using var pair = new SocketPair();
        var entering = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<SocketResult> receiving = Task.Factory.StartNew(
            () =>
            {
                entering.SetResult(ThreadInterrupt.CurrentThread);
                return pair.Ours.Receive(new byte[1], wait: true);
            },
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        int thread = await entering.Task;
        Assert.True(Directory.Exists($"/proc/self/task/{thread}"));
        for (int i = 0; i < 1000 && !receiving.IsCompleted; i++)
        {
            ThreadInterrupt.Interrupt(thread); // before it is in its call this does nothing, so again
            await Task.WhenAny(receiving, Task.Delay(10));
        }

        Assert.Equal(NativeError.Interrupted, (await receiving.WaitAsync(TimeSpan.FromSeconds(1))).Error);
    }

    [Fact]
    public void Interrupting_a_thread_that_is_gone_does_nothing() => ThreadInterrupt.Interrupt(int.MaxValue);
}
