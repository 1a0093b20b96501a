using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Connections;

/// <summary>
/// A connection whose socket several threads may call. Gates say who is inside a call: one receiver and one sender at a time. Taking a free gate is one uncontended compare-and-swap
/// (5 ns of a request's 4,000), and buys that a descriptor is never closed under a call and that no two messages mix.
/// </summary>
internal abstract partial class GatedConnection(StreamSocket socket, ConnectionSettings settings) : StreamConnection(socket)
{
    private int _receiving;
    private int _sending;
    private int _writableEdge; // 1 when the socket became writable since the outbox was last pushed
    private ulong _watch; // what the notifier knows this connection's watch by; 0 while there is none
    private bool _ownBegun; // inside the sender's gate: some bytes of a flush are sent, and not all

    internal sealed override ConnectionSettings Settings { get; } = settings;

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
        if (HasOutbox)
        {
            PushOutbox();
        }
    }

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
    internal NativeError SendOutbox(bool wait, CancellationToken cancellation = default)
    {
        Outbox? outbox = _ownBegun ? null : Outbox;
        while (outbox is not null && outbox.TryPeek(out ReadOnlySpan<byte> rest, out SafeHandle? descriptor))
        {
            SocketResult sent = descriptor is null ? Socket.Send(rest, wait) : Socket.SendWith(descriptor, rest, wait);
            if (sent.Succeeded)
            {
                outbox.Sent(sent.Count);
                CountSent(sent.Count);
            }
            else if (sent.Error != NativeError.Interrupted && !(wait && sent.Error == NativeError.WouldBlock && !cancellation.IsCancellationRequested && CloseReason is CloseReason.None or CloseReason.Drained))
            {
                return sent.Error;
            }
        }

        return NativeError.None;
    }

    /// <summary>Sends what can be sent now of the messages of others; the rest goes out when the socket says that it is writable.</summary>
    internal sealed override void PushOutbox()
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
                Outbox!.Clear();
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

    /// <summary>Has the socket watched until it is given up; false when the system cannot watch one more. Once, and not while it is given up.</summary>
    protected bool TryWatch(IReadinessObserver observer) => Socket.TryWatch(observer, out _watch);

    /// <summary>Arranges that <see cref="WritableEdge"/> is called from now on.</summary>
    private protected abstract void WatchForOutbox();

    /// <summary>Gives the socket up, once no call on it is under way. <paramref name="reset"/>: not politely.</summary>
    protected bool CloseSocket(bool reset)
    {
        if (!TryBeginClose())
        {
            return false;
        }

        if (IsHandedOver)
        {
            EndHandedOver();
        }
        else
        {
            TakeBack(reset);
        }

        Outbox?.Clear();
        Socket.Close();
        End(CloseReason.Completed);
        FireConnectionClosed();
        return true;
    }

    /// <summary>Shuts the gates, for ever: a stray call of the handler's finds an error there, and never a byte of the other process's.</summary>
    private protected sealed override string? LetGo()
    {
        if (!TryEnterReceive())
        {
            return "a read is under way";
        }

        EnterSend();
        Unwatch();
        return null;
    }

    // Until no call on the socket is under way.
    private void TakeBack(bool reset)
    {
        if (reset)
        {
            Socket.Reset();
        }

        // A stray task of the handler may still be inside a call. What it waits for ends now, so it comes out soon; from then on it finds
        // the gates shut, and never the descriptor's number in another connection's hands.
        if (!TryEnterReceive())
        {
            Socket.Shutdown(SocketShutdown.Both);
            EnterReceive();
        }

        if (!TryEnterSend())
        {
            Socket.Shutdown(SocketShutdown.Both);
            EnterSend();
        }

        Unwatch();
    }

    private void Unwatch()
    {
        if (_watch != 0)
        {
            Socket.Unwatch(_watch);
        }
    }

    private void EnterReceive() => SpinUntilEntered(ref _receiving);

    private static void SpinUntilEntered(ref int gate)
    {
        var spin = default(SpinWait);
        while (Interlocked.CompareExchange(ref gate, 1, 0) != 0)
        {
            spin.SpinOnce();
        }
    }
}
