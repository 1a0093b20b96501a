using System.Runtime.CompilerServices;
using Sluice.Native;

namespace Sluice.Connections;

/// <summary>
/// Who may be inside a call on the socket: one receiver and one sender at a time. Taking a free gate is one uncontended compare-and-swap
/// (5 ns of a request's 4,000), and buys that a descriptor is never closed under a call and that no two messages mix.
/// </summary>
internal abstract partial class StreamConnection
{
    private int _receiving;
    private int _sending;
    private int _writableEdge; // 1 when the socket became writable since the outbox was last pushed
    private Outbox? _outbox;
    private bool _ownBegun; // inside the sender's gate: some bytes of a flush are sent, and not all

    /// <inheritdoc cref="IConnectionSender.TrySend"/>
    public bool TrySend(ReadOnlySpan<byte> message)
    {
        if (Volatile.Read(ref _closed) != 0 || CloseReason is not (CloseReason.None or CloseReason.Drained))
        {
            return false;
        }

        Outbox outbox = _outbox ?? CreateOutbox();
        if (!outbox.TryEnqueue(message, Settings.MaxSendQueue))
        {
            return false;
        }

        PushOutbox();
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryEnterReceive() => Interlocked.CompareExchange(ref _receiving, 1, 0) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ExitReceive() => Volatile.Write(ref _receiving, 0);

    internal bool TryEnterSend() => Interlocked.CompareExchange(ref _sending, 1, 0) == 0;

    /// <summary>Takes the sender's gate; one that pushes an outbox holds it only for calls that do not wait.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void EnterSend()
    {
        if (!TryEnterSend())
        {
            SpinUntilEntered(ref _sending);
        }
    }

    /// <summary>Leaves the sender's gate, and sends what others have queued meanwhile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void ExitSend()
    {
        // A full fence between opening the gate and looking at the outbox: whoever queued before sees it open, or we see the message.
        Interlocked.Exchange(ref _sending, 0);
        if (_outbox is { IsEmpty: false })
        {
            PushOutbox();
        }
    }

    /// <summary>Whether messages of others wait to be sent.</summary>
    internal bool HasOutbox => _outbox is { IsEmpty: false };

    /// <summary>Counts bytes of the handler's that were sent: until <see cref="OwnFlushed"/> no message of others may come between.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void CountOwnSent(int count)
    {
        _ownBegun = true;
        CountSent(count);
    }

    /// <summary>Everything of the handler's is sent.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void OwnFlushed() => _ownBegun = false;

    /// <summary>
    /// Sends what others queued, from inside the sender's gate, unless a flush of the handler's is half sent (it waits, or was cancelled). WouldBlock
    /// when the peer's window is full first.
    /// </summary>
    internal NativeError SendOutbox(bool wait)
    {
        Outbox? outbox = _ownBegun ? null : _outbox;
        while (outbox is not null && outbox.TryPeek(out ReadOnlySpan<byte> rest))
        {
            SocketResult sent = Socket.Send(rest, wait);
            if (sent.Succeeded)
            {
                outbox.Sent(sent.Count);
                CountSent(sent.Count);
            }
            else if (sent.Error != NativeError.Interrupted && !(wait && sent.Error == NativeError.WouldBlock && CloseReason is CloseReason.None or CloseReason.Drained))
            {
                return sent.Error;
            }
        }

        return NativeError.None;
    }

    /// <summary>Sends what can be sent now of the messages of others; the rest goes out when the socket says that it is writable.</summary>
    internal void PushOutbox()
    {
        while (HasOutbox && TryEnterSend())
        {
            if (_ownBegun)
            {
                Interlocked.Exchange(ref _sending, 0);
                return; // the flush that ends the handler's message sends these after it
            }

            Volatile.Write(ref _writableEdge, 0);
            NativeError error = SendOutbox(wait: false);
            if (error == NativeError.WouldBlock)
            {
                WatchForOutbox();
            }
            else if (error != NativeError.None)
            {
                _outbox!.Clear();
            }

            // A full fence, as in WritableEdge: an edge that found the gate shut is seen here, or it finds the gate open.
            Interlocked.Exchange(ref _sending, 0);
            if (error == NativeError.WouldBlock && Volatile.Read(ref _writableEdge) == 0)
            {
                return;
            }
        }
    }

    /// <summary>The socket became writable; called on the notifier's thread.</summary>
    private protected void WritableEdge()
    {
        Interlocked.Exchange(ref _writableEdge, 1);
        if (HasOutbox)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static connection => connection.PushOutbox(), this, preferLocal: false);
        }
    }

    /// <summary>Arranges that <see cref="WritableEdge"/> is called from now on.</summary>
    private protected abstract void WatchForOutbox();

    private void EnterReceive() => SpinUntilEntered(ref _receiving);

    private Outbox CreateOutbox()
    {
        var created = new Outbox();
        return Interlocked.CompareExchange(ref _outbox, created, comparand: null) ?? created;
    }

    private static void SpinUntilEntered(ref int gate)
    {
        var spin = default(SpinWait);
        while (Interlocked.CompareExchange(ref gate, 1, 0) != 0)
        {
            spin.SpinOnce();
        }
    }
}
