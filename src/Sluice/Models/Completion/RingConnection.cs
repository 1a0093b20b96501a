using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Sluice.Looping;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Models.Completion;

/// <summary>
/// A connection whose I/O the kernel has been asked to do: one receive goes on for its whole life and fills the ring's buffers, which are copied out and
/// given back at once when a read wants them; while none does, a few may queue, and then the receive is cancelled (that is the back-pressure).
/// </summary>
internal sealed partial class RingConnection : LoopConnection
{
    // Buffers that wait for a read, before no more is received.
    private const int MostQueued = 8;

    private readonly int _descriptor;
    private ReceiveQueue _received;
    private short _end = NoEnd; // what the receive ended with: 0 is FIN, else the error
    private InFlight _inFlight;
    private byte _cancels;

    public RingConnection(RingLoop loop, StreamSocket socket, ulong token)
        : base(loop, socket, token) => _descriptor = socket.Descriptor;

    /// <summary>What the kernel works at, and a completion will tell the end of; and what the loop has noted.</summary>
    [Flags]
    private enum InFlight : ushort
    {
        None = 0,
        Receive = 1,
        HangUp = 2,
        Send = 4,

        /// <summary>The receive is being cancelled.</summary>
        Stopping = 8,

        /// <summary>It waits for buffers; the loop knows.</summary>
        Starved = 16,

        /// <summary>It waits to hear that its send is done; the loop knows.</summary>
        Unconfirmed = 32,

        FinSent = 64,

        /// <summary>The socket is given up, and closed when nothing is in flight.</summary>
        Closing = 128,

        /// <summary>The kernel has told of an end. Only receives that are made one by one are sure to find it.</summary>
        EndIsNear = 256,

        /// <summary>What is being sent lies in an array that is used again when it is sent.</summary>
        SendsRented = 512,
    }

    private const short NoEnd = -1;
    private const InFlight Operations = InFlight.Receive | InFlight.HangUp | InFlight.Send;
    private const InFlight Care = InFlight.Stopping | InFlight.Starved | InFlight.Closing | InFlight.EndIsNear;

    private new RingLoop Loop => (RingLoop)base.Loop;

    /// <summary>Begins to receive. Once, before the handler starts.</summary>
    public void Begin()
    {
        Receive();
        _inFlight |= InFlight.HangUp;
        Loop.Ring.PollEnd(_descriptor, RingToken.Of(RingOperation.HangUp, Token)); // the receive loses an end that comes directly behind bytes
    }

    /// <summary>A receive has brought something, or has ended. On the loop.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void OnReceived(in RingCompletion completion)
    {
        if (TryPassOn(completion))
        {
            Reader.Resume();
            AfterHandler();
        }
        else
        {
            OnReceivedWithCare(completion);
        }
    }

    /// <summary>Both directions have ended while nothing was received, or only the peer's has. On the loop.</summary>
    public void OnHangUp(in RingCompletion completion)
    {
        if (!completion.HasMore)
        {
            _inFlight &= ~InFlight.HangUp;
        }

        if (Has(InFlight.Closing))
        {
            Release();
        }
        else if (completion.Error != NativeError.Canceled)
        {
            if (completion.IsHangUp)
            {
                OnOver();
            }

            _inFlight |= InFlight.EndIsNear;
            if (_end == NoEnd && !Loop.Ring.NextIs(RingToken.Of(RingOperation.Receive, Token)))
            {
                StopReceiving(); // it may have lost the end
            }
        }
    }

    /// <summary>Something was cancelled, or was over before. On the loop.</summary>
    public void OnCanceled(in RingCompletion completion)
    {
        _cancels--;
        if (!completion.Succeeded)
        {
            _inFlight &= ~InFlight.Stopping; // it was completing anyway
            if (Has(InFlight.EndIsNear) && !Has(InFlight.Closing) && _end == NoEnd)
            {
                StopReceiving(); // and may have lost the end
            }
        }

        if (Has(InFlight.Closing))
        {
            Release();
        }
    }

    /// <summary>There are buffers again. On the loop.</summary>
    public void OnBuffers()
    {
        _inFlight &= ~InFlight.Starved;
        if (!IsClosed)
        {
            Receive();
        }
    }

    internal override bool TryReceive(bool evenIfNotExpected = false)
    {
        if (_received.Count == 0)
        {
            if (_end == NoEnd)
            {
                return false;
            }

            // A send that failed has taken the error off the socket, and then the end looks like a FIN.
            Reader.End(_end != 0 ? SocketResult.Failed((NativeError)_end) : _sendError != NativeError.None ? SocketResult.Failed(_sendError) : SocketResult.Of(0));
            return true;
        }

        do
        {
            Span<byte> space = Reader.Space();
            if (space.IsEmpty)
            {
                Reader.EndFull();
                return true;
            }

            ReadOnlySpan<byte> bytes = Loop.Queues.Peek(_received);
            int count = Math.Min(bytes.Length, space.Length);
            bytes[..count].CopyTo(space);
            Loop.Queues.Advance(ref _received, count);
            Reader.Take(count);
            if (count == space.Length)
            {
                break; // it is full: the rest comes with the next read
            }
        }
        while (_received.Count > 0);
        LookForNews();
        return true;
    }

    internal override void ExpectReadable()
    {
        if (_received.Count == 0)
        {
            Receive();
        }
        else
        {
            LookAgain(read: true);
        }
    }

    protected override bool DropReceived()
    {
        Loop.Queues.Clear(ref _received);
        Receive();
        return _end != NoEnd;
    }

    protected override void Forget()
    {
        Loop.Queues.Clear(ref _received);
        _inFlight |= InFlight.Closing;
        if ((_inFlight & Operations) != 0)
        {
            // Each of them completes now. The descriptor is closed after that: until then its number must not become another's.
            Socket.Shutdown(SocketShutdown.Both);
            _cancels++;
            Loop.Ring.CancelDescriptor(_descriptor, RingToken.Of(RingOperation.Cancel, Token));
        }

        Release();
    }

    private bool Has(InFlight what) => (_inFlight & what) != 0;

    // Nearly always there is one buffer of bytes, and the handler waits for them: they need not be queued.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryPassOn(in RingCompletion completion)
    {
        IoUring ring = Loop.Ring;
        if (!completion.BringsBytes || !completion.HasMore || Has(Care) || _received.Count > 0 || ring.NextIs(completion.Token)
            || !Reader.TryTake(ring.Buffers.BytesOf(completion.BufferId, completion.Count)))
        {
            return false;
        }

        ring.Buffers.Take();
        ring.Buffers.Return(completion.BufferId);
        return true;
    }

    private void OnReceivedWithCare(in RingCompletion completion)
    {
        if (!completion.HasMore)
        {
            _inFlight &= ~(InFlight.Receive | InFlight.Stopping);
        }

        bool isOver = Note(completion);
        LookForNews();
        if (Has(InFlight.Closing))
        {
            Loop.Queues.Clear(ref _received);
            Release();
            return;
        }

        if (completion.HasMore && Loop.Ring.NextIs(completion.Token))
        {
            return; // more of the same follows at once: the handler gets it in one piece
        }

        if (Reader.Waits || HasEnded)
        {
            OnReadable();
        }

        if (IsClosed)
        {
            return;
        }

        if (isOver)
        {
            OnOver();
        }
        else if (_end != NoEnd)
        {
            WatchEnd();
        }
        else if (_received.Count > MostQueued)
        {
            StopReceiving();
            WatchEnd();
        }
        else if (Has(InFlight.EndIsNear) && completion.HasMore)
        {
            StopReceiving(); // it goes on after the end was told: it may have lost it
        }
        else if (_received.Count <= MostQueued)
        {
            Receive(); // the kernel may end one by itself: its completion queue was full
        }
    }

    private void LookForNews() => HasNews = _received.Count > 0 || _end != NoEnd;

    // Takes what a completion of the receive brings. True when the connection is over in both directions.
    private bool Note(in RingCompletion completion)
    {
        if (completion.HasBuffer)
        {
            Loop.Ring.Buffers.Take();
            if (completion.Count > 0)
            {
                Loop.Queues.Add(ref _received, completion.BufferId, completion.Count);
                return false;
            }

            Loop.Ring.Buffers.Return(completion.BufferId);
        }

        if (completion.Succeeded)
        {
            _end = 0;
            return false;
        }

        switch (completion.Error)
        {
            case NativeError.Canceled:
                return false;
            case NativeError.NoBufferSpace:
                Starve();
                return false;
            case NativeError error:
                _end = (short)error;
                return true;
        }
    }

    private void Starve()
    {
        if (!Has(InFlight.Starved | InFlight.Closing))
        {
            _inFlight |= InFlight.Starved;
            Loop.Starve(this);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Receive()
    {
        if (!Has(InFlight.Receive | InFlight.Starved | InFlight.Closing) && _end == NoEnd)
        {
            BeginReceive(); // rarely: one goes on and on
        }
    }

    // It waits for readiness first: a connection that begins to receive rarely has bytes already, and without that a ring without buffers would end it at once.
    private void BeginReceive()
    {
        _inFlight |= InFlight.Receive;
        ulong token = RingToken.Of(RingOperation.Receive, Token);
        if (Has(InFlight.EndIsNear))
        {
            Loop.Ring.ReceiveOnce(_descriptor, token);
        }
        else
        {
            Loop.Ring.ReceiveMultishot(_descriptor, token, pollFirst: true);
        }
    }

    // Nothing is received now, but the handler still wants to know when the peer is gone for good.
    private void WatchEnd()
    {
        if (!Has(InFlight.HangUp) && !HasEnded)
        {
            _inFlight |= InFlight.HangUp;
            Loop.Ring.PollHangUp(_descriptor, RingToken.Of(RingOperation.HangUp, Token));
        }
    }

    private void StopReceiving()
    {
        if ((_inFlight & (InFlight.Receive | InFlight.Stopping)) == InFlight.Receive)
        {
            _inFlight |= InFlight.Stopping;
            _cancels++;
            Loop.Ring.Cancel(RingToken.Of(RingOperation.Receive, Token), RingToken.Of(RingOperation.Cancel, Token));
        }
    }

    // Closes the descriptor if nothing of it is in flight any more.
    private void Release()
    {
        if ((_inFlight & Operations) == 0 && _cancels == 0 && !Has(InFlight.Unconfirmed) && !AwaitsConfirmation())
        {
            Socket.Close();
            Loop.Release(this);
        }
    }
}
