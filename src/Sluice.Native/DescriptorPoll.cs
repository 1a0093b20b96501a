namespace Sluice.Native;

/// <summary>poll(2) over a handful of descriptors.</summary>
internal static unsafe class DescriptorPoll
{
    /// <summary>
    /// Waits until one of <paramref name="descriptors"/> has an event it asks for, or for <paramref name="milliseconds"/> (-1: for ever).
    /// </summary>
    /// <returns>How many have events; 0 at the timeout and when a signal interrupted the wait.</returns>
    public static int Wait(Span<PollDescriptor> descriptors, int milliseconds)
    {
        fixed (PollDescriptor* start = descriptors)
        {
            int ready = Libc.poll(start, (nuint)descriptors.Length, milliseconds);
            return ready < 0 ? 0 : ready;
        }
    }
}
