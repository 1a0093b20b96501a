namespace Sluice.Models.Readiness;

using Sluice.Native; // in here, where its Readiness comes before this namespace of the same name

/// <summary>
/// epoll(7): the kernel keeps what is watched, and a wait costs in proportion to what is ready. Edge-triggered, so that a connection is
/// registered once and never again while its writes do not wait.
/// </summary>
internal sealed class EpollPoller : Poller
{
    // No more in one wait, so that listeners, posted work and timers have their turn.
    private const int EventsPerWait = 512;

    private readonly ReadinessQueue _queue = new(EventsPerWait);
    private Interest[] _interest = new Interest[64];
    private int _watched;

    public override bool IsEdgeTriggered => true;

    public override int Watched => _watched;

    public override bool TryAdd(int descriptor, ulong token, bool level)
    {
        Reserve(ref _interest, descriptor);
        Interest interest = Interest.Watched | Interest.Read | (level ? Interest.Level : Interest.None);
        if (_interest[descriptor] != Interest.None || _queue.Add(descriptor, token, Asked(interest)) != NativeError.None)
        {
            return false;
        }

        _interest[descriptor] = interest;
        _watched++;
        return true;
    }

    public override void WantRead(int descriptor, ulong token, bool wanted)
    {
        if ((_interest[descriptor] & Interest.Level) != 0)
        {
            Want(descriptor, token, With(_interest[descriptor], Interest.Read, wanted));
        }
    }

    public override void WantWrite(int descriptor, ulong token, bool wanted) =>
        Want(descriptor, token, With(_interest[descriptor], Interest.Write, wanted));

    public override void Remove(int descriptor, bool closing)
    {
        if (descriptor >= _interest.Length || _interest[descriptor] == Interest.None)
        {
            return;
        }

        _interest[descriptor] = Interest.None;
        _watched--;
        if (!closing)
        {
            _queue.Remove(descriptor); // closing a descriptor does the same, without a call
        }
    }

    public override int Wait(int milliseconds) => _queue.Wait(milliseconds);

    public override Readiness Event(int index, out ulong token) => _queue.Event(index, out token);

    public override void Dispose() => _queue.Dispose();

    private void Want(int descriptor, ulong token, Interest interest)
    {
        if (_interest[descriptor] == interest)
        {
            return;
        }

        _interest[descriptor] = interest;
        _ = _queue.Change(descriptor, token, Asked(interest));
    }

    // One that nobody reads or writes at the moment is edge-triggered, so that its end, which cannot be switched off, is told once.
    private static Watch Asked(Interest interest) =>
        ((interest & Interest.Read) != 0 ? Watch.Read : Watch.None)
        | ((interest & Interest.Write) != 0 ? Watch.Write : Watch.None)
        | ((interest & Interest.Level) == 0 || (interest & (Interest.Read | Interest.Write)) == 0 ? Watch.Edges : Watch.None);
}
