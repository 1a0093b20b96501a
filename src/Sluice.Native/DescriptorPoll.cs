namespace Sluice.Native;

/// <summary>poll(2).</summary>
internal static unsafe class DescriptorPoll
{
    /// <summary>
    /// Waits until one of <paramref name="descriptors"/> has an event it asks for, or for <paramref name="milliseconds"/> (-1: for ever).
    /// </summary>
    /// <returns>How many have events; 0 at the timeout and when a signal interrupted the wait.</returns>
    public static int Wait(Span<PollDescriptor> descriptors, int milliseconds) => Wait(descriptors, milliseconds, out _);

    /// <summary>The same, for who must know why it is 0. InvalidArgument: more descriptors than RLIMIT_NOFILE.</summary>
    public static int Wait(Span<PollDescriptor> descriptors, int milliseconds, out NativeError error)
    {
        fixed (PollDescriptor* start = descriptors)
        {
            int ready = Libc.poll(start, (nuint)descriptors.Length, milliseconds);
            error = ready < 0 ? Errno.Last : NativeError.None;
            return ready < 0 ? 0 : ready;
        }
    }

    /// <summary>What poll(2) returned of a descriptor, in the words of <see cref="ReadinessQueue"/>. A closed descriptor is over.</summary>
    public static Readiness Meaning(short returned)
    {
        const short Over = PollDescriptor.Error | PollDescriptor.HangUp | PollDescriptor.Invalid;
        Readiness readiness = Readiness.None;
        if ((returned & (PollDescriptor.In | PollDescriptor.PeerClosed | Over)) != 0)
        {
            readiness |= Readiness.Read;
        }

        if ((returned & (PollDescriptor.Out | Over)) != 0)
        {
            readiness |= Readiness.Write;
        }

        if ((returned & Over) != 0)
        {
            readiness |= Readiness.Over;
        }

        if ((returned & PollDescriptor.PeerClosed) != 0)
        {
            readiness |= Readiness.PeerClosed;
        }

        return readiness;
    }
}
