using Sluice.Native;

namespace Sluice.Transports;

/// <summary>
/// One thread per process that waits in epoll(7) for everybody who waits asynchronously, and tells each observer of its edges. It runs no
/// handler: observers queue their work to the thread pool, so a handler that blocks stalls nobody here.
/// </summary>
internal sealed class ReadinessNotifier
{
    private const int EdgesPerWait = 1024;

    private static readonly Lazy<ReadinessNotifier> LazyShared = new(() => new ReadinessNotifier());

    private readonly ReadinessQueue _queue = new(EdgesPerWait);
    private readonly Lock _changing = new();
    private readonly Stack<int> _free = new();

    // A token is (generation << 32 | slot): an edge of a descriptor that was closed meanwhile finds another generation and is dropped.
    // Written under _changing, read by the notifier's thread without it.
    private Slot[] _slots = new Slot[64];
    private int _used = 1; // slot 0 stays empty, so that no token is 0

    private ReadinessNotifier()
    {
        var thread = new Thread(Run) { IsBackground = true, Name = "sluice-notifier" };
        thread.UnsafeStart();
    }

    /// <summary>The process's notifier; its thread starts with the first use.</summary>
    public static ReadinessNotifier Shared => LazyShared.Value;

    /// <summary>Tells <paramref name="observer"/> of every edge of <paramref name="descriptor"/> until <see cref="Unwatch"/>.</summary>
    /// <returns>False when the system cannot watch one more (epoll_ctl(2): ENOMEM, ENOSPC).</returns>
    public bool TryWatch(int descriptor, IReadinessObserver observer, out ulong token)
    {
        lock (_changing)
        {
            if (!_free.TryPop(out int index))
            {
                index = _used++;
                if (index == _slots.Length)
                {
                    var larger = new Slot[_slots.Length * 2];
                    _slots.CopyTo(larger, 0);
                    Volatile.Write(ref _slots, larger);
                }
            }

            // A new object per watch: the notifier reads slot and generation in one step.
            uint generation = (_slots[index]?.Generation ?? 0) + 1;
            Volatile.Write(ref _slots[index], new Slot(generation, descriptor, observer));
            token = (ulong)generation << 32 | (uint)index;
        }

        if (_queue.Add(descriptor, token) == NativeError.None)
        {
            return true;
        }

        Unwatch(token);
        token = 0;
        return false;
    }

    /// <summary>Ends a watch, before its descriptor is closed.</summary>
    public void Unwatch(ulong token)
    {
        int index = (int)(uint)token;
        lock (_changing)
        {
            Slot slot = _slots[index];
            if (slot.Generation != (uint)(token >> 32) || slot.Observer is null)
            {
                return;
            }

            _queue.Remove(slot.Descriptor);
            Volatile.Write(ref _slots[index], new Slot(slot.Generation, -1, observer: null));
            _free.Push(index);
        }
    }

    private void Run()
    {
        while (true)
        {
            int count = _queue.Wait(-1);
            for (int i = 0; i < count; i++)
            {
                Readiness readiness = _queue.Event(i, out ulong token);
                Slot slot = Volatile.Read(ref _slots)[(int)(uint)token];
                if (slot.Generation == (uint)(token >> 32))
                {
                    slot.Observer?.OnReadiness(readiness);
                }
            }
        }
    }

    private sealed class Slot(uint generation, int descriptor, IReadinessObserver? observer)
    {
        public uint Generation { get; } = generation;

        public int Descriptor { get; } = descriptor;

        public IReadinessObserver? Observer { get; } = observer;
    }
}
