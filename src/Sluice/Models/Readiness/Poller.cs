using System.Numerics;

namespace Sluice.Models.Readiness;

using Sluice.Native; // in here, where its Readiness comes before this namespace of the same name

/// <summary>
/// How a loop asks the kernel which descriptors are ready. One thread calls it. The pollers have the same members in the same order, so that
/// they can be read side by side. What each knows about a descriptor lies in arrays indexed by the descriptor, a small number that the kernel
/// reuses: nothing is looked up, and a wait allocates nothing.
/// </summary>
internal abstract class Poller : IDisposable
{
    /// <summary>Edge-triggered pollers tell of each change once; level-triggered ones tell again and again while it lasts.</summary>
    public abstract bool IsEdgeTriggered { get; }

    /// <summary>Descriptors watched now, listeners and the wake-up descriptor included.</summary>
    public abstract int Watched { get; }

    /// <summary>
    /// Watches a descriptor for reading. Each event comes back with <paramref name="token"/>. With <paramref name="level"/> it is told of on
    /// every wait while it is ready even where the poller is edge-triggered (listeners, the wake-up descriptor).
    /// </summary>
    /// <returns>False when the system cannot watch one more, and for a descriptor that is watched already.</returns>
    public abstract bool TryAdd(int descriptor, ulong token, bool level);

    /// <summary>
    /// Stops or resumes watching for reading. An edge-triggered watch needs neither, and ignores it: a read that does not wait simply finds
    /// no edge.
    /// </summary>
    public abstract void WantRead(int descriptor, ulong token, bool wanted);

    /// <summary>Watches for writing too, or no more. Asking for it tells of the present state again, also to who hears edges only.</summary>
    public abstract void WantWrite(int descriptor, ulong token, bool wanted);

    /// <summary>Forgets a descriptor, before it is closed. <paramref name="closing"/>: it is closed right after, and nobody else has it open.</summary>
    public abstract void Remove(int descriptor, bool closing);

    /// <summary>
    /// Waits for events, at most so many milliseconds; -1 waits for ever, 0 looks only. Returns how many there are: 0 at the timeout and when
    /// a signal interrupted it.
    /// </summary>
    public abstract int Wait(int milliseconds);

    /// <summary>
    /// Event <paramref name="index"/> of the last wait. Adding and removing meanwhile does not disturb it: an event of a descriptor that was
    /// removed since still comes, with the token it had.
    /// </summary>
    public abstract Readiness Event(int index, out ulong token);

    public abstract void Dispose();

    /// <summary>
    /// Whether select and poll look before they sleep. A call that may sleep first queues itself at every descriptor, which costs as much again
    /// as the look; while several are ready each time, it will not come to that.
    /// </summary>
    protected bool LookFirst { get; set; }

    /// <summary>Makes room for <paramref name="descriptor"/> in an array that is indexed by it.</summary>
    protected static void Reserve<T>(ref T[] byDescriptor, int descriptor)
    {
        if (descriptor >= byDescriptor.Length)
        {
            Array.Resize(ref byDescriptor, (int)BitOperations.RoundUpToPowerOf2((uint)descriptor + 1));
        }
    }

    /// <summary>An interest with or without <paramref name="which"/>; a descriptor that is not watched stays so.</summary>
    protected static Interest With(Interest interest, Interest which, bool wanted) =>
        interest == Interest.None ? Interest.None : wanted ? interest | which : interest & ~which;

    /// <summary>What a wait that failed returns: nothing is ready, or it cannot go on like this.</summary>
    protected static int NoEvents(string call, NativeError error) =>
        error is NativeError.None or NativeError.Interrupted or NativeError.NoMemory ? 0 : throw new InvalidOperationException($"{call} failed: {error}");

    /// <summary>What is wanted of a descriptor.</summary>
    [Flags]
    protected enum Interest : byte
    {
        /// <summary>It is not watched.</summary>
        None = 0,

        /// <summary>It is watched, be it for nothing at the moment.</summary>
        Watched = 1,

        /// <summary>A read waits.</summary>
        Read = 2,

        /// <summary>A write waits.</summary>
        Write = 4,

        /// <summary>Level-triggered, also where the poller is not.</summary>
        Level = 8,
    }
}
