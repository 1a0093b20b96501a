using System.Diagnostics;
using System.Net.Sockets;
using Sluice.Native;

namespace Sluice.Models.Completion;

/// <summary>
/// Sends: what a handler flushes is copied to the loop's arena and sent with the turn's one enter. Such a send does not wait, and the connection hears of it only when
/// something is left; that is copied aside and sent by one that waits.
/// </summary>
internal sealed partial class RingConnection
{
    private const int SmallRest = 4096;

    private byte[]? _sent;     // the array of the last send
    private int _sentOffset;
    private int _sentCount;
    private uint _sentAt; // its number among the loop's sends
    private NativeError _sendError;

    /// <summary>Whether the last send that does not wait has not completed, so that it may have left something.</summary>
    public bool HasOpenSend
    {
        get
        {
            RingLoop loop = Loop;
            return _sentAt - loop.SendsDone - 1 < loop.SendsMade - loop.SendsDone; // it is one of those between; numbers begin again at 0
        }
    }

    /// <summary>A send that did not wait has left something. On the loop.</summary>
    public void OnLeftOver(in RingCompletion completion)
    {
        Debug.Assert(RingToken.CountOf(completion.Token) == _sentCount, "a send was followed by another before it had completed");
        if (Has(InFlight.Closing))
        {
            return;
        }

        if (!completion.Succeeded && completion.Error != NativeError.WouldBlock)
        {
            Fail(completion.Error);
            return;
        }

        int done = completion.Succeeded ? completion.Count : 0;
        int left = _sentCount - done;
        CountSent(-left);
        byte[] rest = NewRest(left); // the arena's next turn would overwrite it
        _sent.AsSpan(_sentOffset + done, left).CopyTo(rest);
        (_sent, _sentOffset, _sentCount) = (rest, 0, left);
        SendRest();
    }

    /// <summary>A send that waited is over, or part of it. On the loop.</summary>
    public void OnSent(in RingCompletion completion)
    {
        _inFlight &= ~InFlight.Send;
        if (Has(InFlight.Closing))
        {
            ReturnRest();
            Release();
            return;
        }

        if (!completion.Succeeded)
        {
            Fail(completion.Error);
            return;
        }

        CountSent(completion.Count);
        _sentOffset += completion.Count;
        _sentCount -= completion.Count;
        if (_sentCount > 0)
        {
            SendRest();
            return;
        }

        ReturnRest();
        OnWritable();
    }

    /// <summary>The last send has completed, and what it left is known. On the loop.</summary>
    public void OnConfirmed()
    {
        _inFlight &= ~InFlight.Unconfirmed;
        if (Has(InFlight.Closing))
        {
            Release();
        }
        else if (!Has(InFlight.Send))
        {
            OnWritable();
        }
    }

    internal override NativeError Send(bool own)
    {
        NativeError error = Writer.SendNow(own);
        if (error != NativeError.WouldBlock)
        {
            WriteDone();
        }

        return error;
    }

    internal override SocketResult Transmit(ReadOnlySpan<byte> bytes)
    {
        if (_sendError != NativeError.None)
        {
            return SocketResult.Failed(_sendError);
        }

        if (Has(InFlight.Send))
        {
            return SocketResult.Failed(NativeError.WouldBlock);
        }

        RingLoop loop = Loop;
        if (HasOpenSend)
        {
            return Append(bytes);
        }

        int count = Math.Min(bytes.Length, SendArena.Most);
        byte[] room = loop.Sends.Allocate(count, out int offset);
        bytes[..count].CopyTo(room.AsSpan(offset));
        (_sent, _sentOffset, _sentCount, _sentAt) = (room, offset, count, ++loop.SendsMade);
        loop.LastSend = loop.Ring.SendNow(_descriptor, room, offset, count, RingToken.OfSend(Slot, count));
        return SocketResult.Of(count);
    }

    internal override NativeError Settle() =>
        _sendError != NativeError.None ? _sendError
        : Has(InFlight.Send) || AwaitsConfirmation() ? NativeError.WouldBlock
        : NativeError.None;

    internal override void SendKept()
    {
        if (HasOpenSend)
        {
            Loop.Ring.Submit();
        }
    }

    internal override void SendFin()
    {
        if (!Has(InFlight.FinSent))
        {
            _inFlight |= InFlight.FinSent;
            Socket.Shutdown(SocketShutdown.Send);
        }
    }

    // The last send may yet fail, so nothing may be sent after it; but it can be made longer while the kernel does not have it.
    private SocketResult Append(ReadOnlySpan<byte> bytes)
    {
        if (Loop.Sends.TryExtend(_sent!, _sentOffset + _sentCount, bytes.Length))
        {
            if (Loop.Ring.TryExtend(Loop.LastSend, bytes.Length, RingToken.OfSend(Slot, _sentCount + bytes.Length)))
            {
                bytes.CopyTo(_sent.AsSpan(_sentOffset + _sentCount));
                _sentCount += bytes.Length;
                return SocketResult.Of(bytes.Length);
            }
        }

        AwaitsConfirmation();
        return SocketResult.Failed(NativeError.WouldBlock);
    }

    // If the last send may yet fail, OnConfirmed will come.
    private bool AwaitsConfirmation()
    {
        if (!HasOpenSend)
        {
            return false;
        }

        if (!Has(InFlight.Unconfirmed))
        {
            _inFlight |= InFlight.Unconfirmed;
            Loop.AwaitConfirmation(this);
        }

        return true;
    }

    // A few bytes get an array of their own; more, as of a download that its client cannot follow, go through arrays that are used again.
    private byte[] NewRest(int count)
    {
        if (count <= SmallRest)
        {
            return GC.AllocateUninitializedArray<byte>(count, pinned: true);
        }

        _inFlight |= InFlight.SendsRented;
        return Loop.Sends.Rent();
    }

    private void ReturnRest()
    {
        if (Has(InFlight.SendsRented))
        {
            _inFlight &= ~InFlight.SendsRented;
            Loop.Sends.Return(_sent!);
        }

        _sent = null;
    }

    private void SendRest()
    {
        _inFlight |= InFlight.Send;
        Loop.Ring.Send(_descriptor, _sent!, _sentOffset, _sentCount, RingToken.Of(RingOperation.SendRest, Token));
    }

    private void Fail(NativeError error)
    {
        _sendError = error;
        ReturnRest();
        OnWritable();
        if (!IsClosed)
        {
            OnOver();
        }
    }
}
