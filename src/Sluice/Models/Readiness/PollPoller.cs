namespace Sluice.Models.Readiness;

using Sluice.Native; // in here, where its Readiness comes before this namespace of the same name

/// <summary>
/// poll(2): one dense array goes into the kernel, which writes into each entry what is ready. A call costs in proportion to the watched
/// descriptors, however few are ready; their numbers do not matter. The end of a connection is told even when nothing is asked for.
/// </summary>
internal sealed class PollPoller : Poller
{
    private PollDescriptor[] _polled = new PollDescriptor[1];
    private ulong[] _tokens = new ulong[1];
    private Interest[] _interest = new Interest[64];
    private int[] _place = new int[64];
    private (ulong Token, Readiness Readiness)[] _events = new (ulong, Readiness)[1];
    private int _watched;
    private long _most = ResourceLimits.MaxDescriptors();

    public override bool IsEdgeTriggered => false;

    public override int Watched => _watched;

    public override bool TryAdd(int descriptor, ulong token, bool level)
    {
        Reserve(ref _interest, descriptor);
        if (_interest[descriptor] != Interest.None || !HasRoom())
        {
            return false;
        }

        Reserve(ref _place, descriptor);
        Reserve(ref _polled, _watched);
        Reserve(ref _tokens, _watched);
        Reserve(ref _events, _watched);
        _place[descriptor] = _watched;
        _tokens[_watched] = token;
        _watched++;
        Want(descriptor, Interest.Watched | Interest.Read);
        return true;
    }

    public override void WantRead(int descriptor, ulong token, bool wanted) =>
        Want(descriptor, With(_interest[descriptor], Interest.Read, wanted));

    public override void WantWrite(int descriptor, ulong token, bool wanted) =>
        Want(descriptor, With(_interest[descriptor], Interest.Write, wanted));

    public override void Remove(int descriptor, bool closing)
    {
        if (descriptor >= _interest.Length || _interest[descriptor] == Interest.None)
        {
            return;
        }

        // The last entry takes the place, so that the array stays dense.
        int place = _place[descriptor];
        _interest[descriptor] = Interest.None;
        _watched--;
        _polled[place] = _polled[_watched];
        _tokens[place] = _tokens[_watched];
        _place[NumberAt(place)] = place;
    }

    public override int Wait(int milliseconds)
    {
        int count = LookFirst && milliseconds != 0 ? Ask(0) : 0;
        if (count == 0)
        {
            count = Ask(milliseconds);
            LookFirst = count > 1;
        }

        return count;
    }

    public override Readiness Event(int index, out ulong token)
    {
        (token, Readiness readiness) = _events[index];
        return readiness;
    }

    public override void Dispose()
    {
        // Nothing is held: the kernel forgets the array when a call returns.
    }

    private int Ask(int milliseconds)
    {
        int ready = DescriptorPoll.Wait(_polled.AsSpan(0, _watched), milliseconds, out NativeError error);
        return ready > 0 ? Collect(ready) : NoEvents("poll", error);
    }

    private void Want(int descriptor, Interest interest)
    {
        if (_interest[descriptor] == interest)
        {
            return; // and one that was told of its end stays silent
        }

        _interest[descriptor] = interest;
        int events = ((interest & Interest.Read) != 0 ? PollDescriptor.In | PollDescriptor.PeerClosed : 0)
            | ((interest & Interest.Write) != 0 ? PollDescriptor.Out : 0);
        _polled[_place[descriptor]] = new PollDescriptor { Descriptor = descriptor, Events = (short)events };
    }

    private int Collect(int ready)
    {
        int count = 0;
        for (int place = 0; count < ready; place++)
        {
            ref PollDescriptor polled = ref _polled[place];
            if (polled.Returned == 0)
            {
                continue;
            }

            _events[count++] = (_tokens[place], DescriptorPoll.Meaning(polled.Returned));
            if ((polled.Returned & PollDescriptor.Invalid) != 0)
            {
                Remove(polled.Descriptor, closing: true); // closed without a word to us
                place--; // the last entry is here now
            }
            else if (polled.Events == 0)
            {
                // The end of one that nobody reads or writes at the moment: told once, or each wait would return at once. poll(2) leaves
                // negative numbers alone.
                polled.Descriptor = ~polled.Descriptor;
            }
        }

        return count;
    }

    // poll(2) refuses more entries than RLIMIT_NOFILE, which may be raised while we run.
    private bool HasRoom() => _watched < _most || _watched < (_most = ResourceLimits.MaxDescriptors());

    private int NumberAt(int place) => _polled[place].Descriptor is >= 0 and var descriptor ? descriptor : ~_polled[place].Descriptor;
}
