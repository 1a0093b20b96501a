using System.Diagnostics;
using System.Runtime.InteropServices;
using Sluice.Native;

namespace Sluice;

/// <summary>One call of <see cref="Selector"/>: the handles it holds open, the bitmaps it makes, the wait.</summary>
internal sealed class SelectCall : IDisposable
{
    /// <summary>What <see cref="Wait"/> leaves in the place of a descriptor that is not ready.</summary>
    public const int NotReady = -1;

    private readonly List<SafeHandle> _held = [];

    /// <summary>Keeps a handle open for the time of the call. Returns its descriptor.</summary>
    public int Hold(SafeHandle handle, string list)
    {
        bool held = false;
        handle.DangerousAddRef(ref held);
        _held.Add(handle);
        nint descriptor = handle.DangerousGetHandle();
        return descriptor is >= 0 and <= int.MaxValue ? (int)descriptor : throw new ArgumentException("A handle has no descriptor.", list);
    }

    /// <summary>Waits, and puts <see cref="NotReady"/> in the place of what is not ready.</summary>
    public void Wait(int[] read, int[] write, int[] error, TimeSpan? timeout)
    {
        int highest = Math.Max(Highest(read), Math.Max(Highest(write), Highest(error)));
        ThrowIfClosed(highest);
        int words = (highest / DescriptorSelect.BitsPerWord) + 1;
        (ulong[] reads, ulong[] writes, ulong[] errors) = (new ulong[words], new ulong[words], new ulong[words]);
        (long start, TimeSpan left) = (Stopwatch.GetTimestamp(), timeout ?? Timeout.InfiniteTimeSpan);
        Mark(read, reads);
        Mark(write, writes);
        Mark(error, errors);
        while (true)
        {
            _ = DescriptorSelect.Wait(highest + 1, reads, writes, errors, left, out NativeError failure);
            switch (failure)
            {
                case NativeError.None:
                    Keep(read, reads);
                    Keep(write, writes);
                    Keep(error, errors);
                    return;
                case NativeError.Interrupted when timeout is { } whole:
                    left = whole - Stopwatch.GetElapsedTime(start) is var rest && rest > TimeSpan.Zero ? rest : TimeSpan.Zero;
                    break;
                case NativeError.Interrupted: // the sets are as they were
                    break;
                case NativeError.BadDescriptor:
                    throw Closed();
                default:
                    throw new IOException($"select failed: {failure}");
            }
        }
    }

    public void Dispose() => _held.ForEach(handle => handle.DangerousRelease());

    private static int Highest(int[] descriptors)
    {
        int highest = -1;
        foreach (int descriptor in descriptors)
        {
            highest = Math.Max(highest, descriptor);
        }

        return highest;
    }

    // The kernel looks at the bits of its own table only: one beyond it would be waited for in vain, and make the bitmaps as long as it likes.
    private static void ThrowIfClosed(int highest)
    {
        PollDescriptor[] asked = [new() { Descriptor = highest }];
        if (highest >= 0 && DescriptorPoll.Wait(asked, 0) > 0 && (asked[0].Returned & PollDescriptor.Invalid) != 0)
        {
            throw Closed();
        }
    }

    private static ObjectDisposedException Closed() => new(nameof(SafeHandle), "A descriptor was closed, though its handle was not.");

    private static void Mark(int[] descriptors, ulong[] words)
    {
        foreach (int descriptor in descriptors)
        {
            words[descriptor / DescriptorSelect.BitsPerWord] |= 1UL << (descriptor % DescriptorSelect.BitsPerWord);
        }
    }

    private static void Keep(int[] descriptors, ulong[] words)
    {
        for (int i = 0; i < descriptors.Length; i++)
        {
            int descriptor = descriptors[i];
            bool ready = (words[descriptor / DescriptorSelect.BitsPerWord] >> (descriptor % DescriptorSelect.BitsPerWord) & 1) != 0;
            descriptors[i] = ready ? descriptor : NotReady;
        }
    }
}
