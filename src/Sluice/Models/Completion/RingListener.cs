using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Models.Completion;

/// <summary>
/// A listener as a ring accepts from it: by a descriptor of the loop's own, because the server may close its own at any moment. What was accepted
/// though there was no place any more waits here for one.
/// </summary>
/// <param name="listener">It.</param>
/// <param name="index">Its number.</param>
/// <param name="onlyLooks">It is told of connections, and does not accept them: the next one may be one too many.</param>
internal sealed class RingListener(Listener listener, ulong index, bool onlyLooks) : IDisposable
{
    private readonly DescriptorCopy _copy = new(listener.Handle!);
    private readonly Queue<StreamSocket> _early = new();
    private bool _isMultishot;
    private bool _isStopping;

    /// <summary>Whether an accept is in flight.</summary>
    public bool IsAccepting { get; private set; }

    /// <summary>Whether a connection waits in the kernel's queue.</summary>
    public bool IsReadable => DescriptorPoll.Wait([new PollDescriptor { Descriptor = _copy.Number, Events = PollDescriptor.In }], milliseconds: 0) > 0;

    /// <summary>Has an accept in flight: one that goes on, or one for a single connection; or none.</summary>
    public void Want(IoUring ring, bool wanted, bool single)
    {
        if (!IsAccepting && wanted)
        {
            (IsAccepting, _isMultishot, _isStopping) = (true, !single, false);
            ulong token = RingToken.Of(RingOperation.Accept, index);
            if (onlyLooks)
            {
                ring.PollOnce(_copy.Number, token);
            }
            else if (single)
            {
                ring.AcceptOnce(_copy.Number, token);
            }
            else
            {
                ring.AcceptMultishot(_copy.Number, token);
            }
        }
        else if (IsAccepting && !_isStopping && (!wanted || (single && _isMultishot)))
        {
            _isStopping = true;
            ring.Cancel(RingToken.Of(RingOperation.Accept, index), RingToken.Of(RingOperation.CancelAccept, index));
        }
    }

    /// <summary>An accept has completed.</summary>
    public void Completed(bool hasMore) => IsAccepting = hasMore;

    /// <summary>Keeps a connection until there is a place for it.</summary>
    public void Keep(StreamSocket socket) => _early.Enqueue(socket);

    /// <summary>Whether one waits for a place.</summary>
    public bool HasEarly => _early.Count > 0;

    public StreamSocket TakeEarly() => _early.Dequeue();

    public void Dispose()
    {
        while (_early.TryDequeue(out StreamSocket? socket))
        {
            socket.Close();
        }

        _copy.Dispose();
    }
}
