using System.Numerics;

namespace Sluice.Models.Readiness;

using Sluice.Native; // in here, where its Readiness comes before this namespace of the same name

/// <summary>
/// select(2): two bitmaps go into the kernel and come back with fewer bits, so they are copied for each call. A call costs in proportion to the
/// highest descriptor's number, however few are ready. It knows no HUP: FIN and errors are readable, and show in the receive; of descriptors
/// that are neither read nor written it tells nothing, so those are looked at twice a second with poll(2). There is no set for urgent data,
/// which nobody here reads and which would be told for ever.
/// </summary>
internal sealed class SelectPoller : Poller
{
    private const int LookEvery = 500; // milliseconds

    private ulong[] _read = new ulong[1];
    private ulong[] _write = new ulong[1];
    private ulong[] _readable = new ulong[1];
    private ulong[] _writable = new ulong[1];
    private Interest[] _interest = new Interest[DescriptorSelect.BitsPerWord];
    private ulong[] _tokens = new ulong[DescriptorSelect.BitsPerWord];
    private (ulong Token, Readiness Readiness)[] _events = new (ulong, Readiness)[1];
    private int _watched;
    private int _highest = -1;
    private int _unasked; // watched, but for neither reading nor writing
    private long _lookAt; // when to look at those again

    public override bool IsEdgeTriggered => false;

    public override int Watched => _watched;

    public override bool TryAdd(int descriptor, ulong token, bool level)
    {
        Reserve(ref _interest, descriptor);
        if (_interest[descriptor] != Interest.None)
        {
            return false;
        }

        int word = descriptor / DescriptorSelect.BitsPerWord;
        Reserve(ref _read, word);
        Reserve(ref _write, word);
        Reserve(ref _readable, word);
        Reserve(ref _writable, word);
        Reserve(ref _tokens, descriptor);
        Reserve(ref _events, _watched);
        _tokens[descriptor] = token;
        _watched++;
        _highest = Math.Max(_highest, descriptor);
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

        Want(descriptor, Interest.None);
        _watched--;
        if (descriptor == _highest)
        {
            _highest = _interest.AsSpan(0, descriptor).LastIndexOfAnyExcept(Interest.None);
        }
    }

    public override int Wait(int milliseconds)
    {
        if (_unasked > 0)
        {
            milliseconds = milliseconds < 0 ? LookEvery : Math.Min(milliseconds, LookEvery);
        }

        int count = LookFirst && milliseconds != 0 ? Ask(0) : 0;
        if (count == 0)
        {
            count = Ask(milliseconds);
            LookFirst = count > 1;
        }

        return _unasked > 0 && Environment.TickCount64 >= _lookAt ? CollectEnded(count) : count;
    }

    public override Readiness Event(int index, out ulong token)
    {
        (token, Readiness readiness) = _events[index];
        return readiness;
    }

    public override void Dispose()
    {
        // Nothing is held: the kernel forgets the sets when a call returns.
    }

    private int Ask(int milliseconds)
    {
        int words = (_highest / DescriptorSelect.BitsPerWord) + 1;
        _read.AsSpan(0, words).CopyTo(_readable);
        _write.AsSpan(0, words).CopyTo(_writable);
        TimeSpan timeout = milliseconds < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(milliseconds);
        int ready = DescriptorSelect.Wait(_highest + 1, _readable, _writable, except: default, timeout, out NativeError error);
        return ready > 0 ? Collect(words) : error == NativeError.BadDescriptor ? CollectClosed() : NoEvents("select", error);
    }

    private void Want(int descriptor, Interest interest)
    {
        if (_interest[descriptor] == interest)
        {
            return;
        }

        (int word, int place) = (descriptor / DescriptorSelect.BitsPerWord, descriptor % DescriptorSelect.BitsPerWord);
        _unasked += (interest == Interest.Watched ? 1 : 0) - (_interest[descriptor] == Interest.Watched ? 1 : 0);
        _interest[descriptor] = interest;
        Set(ref _read[word], 1UL << place, (interest & Interest.Read) != 0);
        Set(ref _write[word], 1UL << place, (interest & Interest.Write) != 0);
    }

    private static void Set(ref ulong word, ulong bit, bool value) => word = value ? word | bit : word & ~bit;

    private int Collect(int words)
    {
        int count = 0;
        for (int word = 0; word < words; word++)
        {
            (ulong readable, ulong writable) = (_readable[word], _writable[word]);
            for (ulong left = readable | writable; left != 0; left &= left - 1)
            {
                int place = BitOperations.TrailingZeroCount(left);
                Readiness readiness = (readable >> place & 1) != 0 ? Readiness.Read : Readiness.None;
                readiness |= (writable >> place & 1) != 0 ? Readiness.Write : Readiness.None;
                _events[count++] = (_tokens[(word * DescriptorSelect.BitsPerWord) + place], readiness);
            }
        }

        return count;
    }

    // A peer that resets while its handler is busy is to be heard of, though nobody reads.
    private int CollectEnded(int count)
    {
        _lookAt = Environment.TickCount64 + LookEvery;
        Span<PollDescriptor> asked = stackalloc PollDescriptor[1];
        for (int descriptor = 0; descriptor <= _highest && count < _events.Length; descriptor++)
        {
            asked[0] = new PollDescriptor { Descriptor = descriptor };
            if (_interest[descriptor] == Interest.Watched && DescriptorPoll.Wait(asked, 0) > 0)
            {
                _events[count++] = (_tokens[descriptor], DescriptorPoll.Meaning(asked[0].Returned));
            }
        }

        return count;
    }

    // One closed descriptor fails the whole call, and select(2) does not say which: poll(2) does. What is ready else comes with the next wait.
    private int CollectClosed()
    {
        int count = 0;
        Span<PollDescriptor> asked = new PollDescriptor[1];
        for (int descriptor = _highest; descriptor >= 0; descriptor--)
        {
            asked[0] = new PollDescriptor { Descriptor = descriptor };
            if (_interest[descriptor] != Interest.None && DescriptorPoll.Wait(asked, 0) > 0 && (asked[0].Returned & PollDescriptor.Invalid) != 0)
            {
                _events[count++] = (_tokens[descriptor], DescriptorPoll.Meaning(asked[0].Returned));
                Remove(descriptor, closing: true);
            }
        }

        return count;
    }
}
