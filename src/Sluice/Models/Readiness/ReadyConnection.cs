using Sluice.Looping;
using Sluice.Transports;

namespace Sluice.Models.Readiness;

using Sluice.Native; // in here, where its Readiness comes before this namespace of the same name

/// <summary>
/// A connection that makes its I/O calls when the kernel says that they will not wait. A receive that did not fill its buffer has drained the
/// socket, so the next read waits for an event instead of asking in vain (231 ns).
/// </summary>
internal partial class ReadyConnection(EventLoop loop, StreamSocket socket, ulong token) : LoopConnection(loop, socket, token)
{
    private readonly int _descriptor = socket.Descriptor;
    private bool _peerClosed;   // FIN or an error has been seen: a short receive no longer means that nothing follows
    private bool _isPaused;     // a level-triggered poller was told to look away, because no read waits
    private bool _awaitsWritable;
    private bool _finSent;

    private protected new EventLoop Loop => (EventLoop)base.Loop;

    /// <summary>The kernel tells of this socket. On the loop.</summary>
    public void On(Readiness readiness)
    {
        if (readiness == Readiness.Read && Reader.Waits)
        {
            HasNews = true; // the usual case
            GoOnReading();
            return;
        }

        if ((readiness & Readiness.Read) != 0)
        {
            HasNews = true;
            _peerClosed |= (readiness & (Readiness.PeerClosed | Readiness.Over)) != 0;
            if (Reader.Waits || Lingers)
            {
                OnReadable();
            }
            else if (!Loop.Poller.IsEdgeTriggered && !_isPaused)
            {
                _isPaused = true;
                Loop.Poller.WantRead(_descriptor, Token, wanted: false);
            }
        }

        if ((readiness & Readiness.Write) != 0 && _awaitsWritable && !IsClosed)
        {
            if (Writer.Waits || Writer.IsFinishing || HasEnded || (HasOutbox && !Writer.IsBusy))
            {
                OnWritable();
            }
            else if (_rest is null || SendRest() != NativeError.WouldBlock)
            {
                // Nobody waits: what a batch had left is sent, or a flush was cancelled half sent and the next one asks again.
                AwaitWritable(false);
            }
        }

        if ((readiness & Readiness.Over) != 0 && !IsClosed)
        {
            OnOver();
        }
    }

    internal override bool TryReceive(bool evenIfNotExpected = false)
    {
        if (!HasNews && !evenIfNotExpected && !IsCut)
        {
            return false;
        }

        if (--Loop.Budget < 0 && !evenIfNotExpected)
        {
            LookAgain(read: true);
            return false;
        }

        Span<byte> space = Reader.Space();
        if (space.IsEmpty)
        {
            Reader.EndFull();
            return true;
        }

        SocketResult got = SocketCalls.Receive(_descriptor, space);
        if (got.Count <= 0)
        {
            return got.Error == NativeError.Interrupted ? TryReceive(evenIfNotExpected) : Ended(got);
        }

        Reader.Take(got.Count);
        HasNews = got.Count == space.Length || _peerClosed;
        return true;
    }

    internal override void ExpectReadable()
    {
        if (_isPaused)
        {
            _isPaused = false;
            Loop.Poller.WantRead(_descriptor, Token, wanted: true);
        }
    }

    // It was ended here: a receive says so, whatever the kernel has told.
    private protected bool IsCut => CloseReason is not (CloseReason.None or CloseReason.Drained);

    // A receive brought no bytes. True when it was the end.
    private protected bool Ended(SocketResult got)
    {
        if (got.Error == NativeError.WouldBlock && !IsCut)
        {
            HasNews = false;
            return false;
        }

        // A kept send that failed has taken the error off the socket, and what is left looks like a FIN.
        Reader.End(got.Succeeded && _rest is { Error: not NativeError.None and var error } ? SocketResult.Failed(error) : got);
        return true;
    }

    protected override bool DropReceived()
    {
        byte[] dropped = Loop.Buffers.Rent(LoopBuffers.Size);
        SocketResult got;
        do
        {
            got = SocketCalls.Receive(_descriptor, dropped);
        }
        while (((got.Succeeded && got.Count > 0) || got.Error == NativeError.Interrupted) && --Loop.Budget > 0);

        Loop.Buffers.Return(dropped);
        if (got.Succeeded && got.Count > 0)
        {
            LookAgain(read: true);
            return false;
        }

        return got.Succeeded || got.Error is not (NativeError.WouldBlock or NativeError.Interrupted);
    }

    protected override bool TryUnwatch()
    {
        Loop.Poller.Remove(_descriptor, closing: false); // what the other process does with it would wake this loop for nothing, again and again
        return true;
    }

    protected override void Forget()
    {
        SendKept();
        Loop.Forget(this, _descriptor);
        Socket.Close();
    }
}
