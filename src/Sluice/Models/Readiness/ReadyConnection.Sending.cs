using System.Net.Sockets;
using Sluice.Native;

namespace Sluice.Models.Readiness;

/// <summary>
/// Sends: a small one is kept in the loop's batch, which is sent before the loop waits; a larger one goes at once. What the kernel does not take of
/// a kept one is copied aside and goes first when the socket is writable: until then nothing else is taken (that is the back-pressure).
/// </summary>
internal partial class ReadyConnection
{
    private Rest? _rest; // only while something is left of a kept send
    private int _keptIn; // the number of the batch that last kept something

    /// <summary>A kept send has come to <paramref name="sent"/>, which is not all of <paramref name="bytes"/>. Called by the batch.</summary>
    public void OnLeftOver(ReadOnlySpan<byte> bytes, SocketResult sent)
    {
        int count = sent.Succeeded ? sent.Count : 0;
        bool goesOn = sent.Succeeded || sent.Error is NativeError.WouldBlock or NativeError.Interrupted;
        CountSent(count - bytes.Length);
        _rest = new Rest(bytes[count..].ToArray(), goesOn ? NativeError.None : sent.Error);
        if (IsClosed)
        {
            return;
        }

        if (goesOn)
        {
            WatchWrite();
            AwaitWritable(true);
        }
        else
        {
            Socket.Shutdown(SocketShutdown.Both); // so that whoever waits hears of it: this send has taken the error off the socket
        }
    }

    internal override NativeError Send(bool own)
    {
        NativeError error = Writer.SendNow(own);
        if (_rest is null)
        {
            AwaitWritable(error == NativeError.WouldBlock);
            if (error != NativeError.WouldBlock)
            {
                WriteDone();
            }
        }

        return error;
    }

    internal override SocketResult Transmit(ReadOnlySpan<byte> bytes)
    {
        if (_finSent)
        {
            return SocketResult.Failed(NativeError.BrokenPipe);
        }

        if (_rest is null && bytes.Length <= SendBatch.Longest)
        {
            SendBatch sends = Loop.Sends;
            if (!sends.CanTake(_descriptor, bytes.Length, hasKept: _keptIn == sends.Number))
            {
                sends.SendAll(); // which may leave something of ours over
            }

            if (_rest is null)
            {
                _keptIn = sends.Add(this, _descriptor, bytes);
                return SocketResult.Of(bytes.Length);
            }
        }

        NativeError error = Settle();
        return error == NativeError.None ? SocketCalls.Send(_descriptor, bytes) : SocketResult.Failed(error);
    }

    internal override NativeError Settle()
    {
        SendKept();
        return _rest is null ? NativeError.None : SendRest();
    }

    internal override void SendFin()
    {
        if (!_finSent)
        {
            _finSent = true;
            Socket.Shutdown(SocketShutdown.Send);
        }
    }

    internal override void SendKept()
    {
        if (_keptIn == Loop.Sends.Number)
        {
            Loop.Sends.SendAll();
        }
    }

    // What a kept send has left goes before everything else. An error stays, for whoever asks next.
    private NativeError SendRest()
    {
        Rest rest = _rest!;
        while (rest.Error == NativeError.None && !rest.Left.IsEmpty)
        {
            SocketResult sent = SocketCalls.Send(_descriptor, rest.Left.Span);
            if (sent.Succeeded)
            {
                CountSent(sent.Count);
                rest.Left = rest.Left[sent.Count..];
            }
            else if (sent.Error == NativeError.WouldBlock)
            {
                return sent.Error;
            }
            else if (sent.Error != NativeError.Interrupted)
            {
                rest.Error = sent.Error;
            }
        }

        if (rest.Error != NativeError.None)
        {
            return rest.Error;
        }

        _rest = null;
        AwaitWritable(false); // who has more to send asks again
        WriteDone();
        return NativeError.None;
    }

    private void AwaitWritable(bool wanted)
    {
        if (wanted != _awaitsWritable)
        {
            _awaitsWritable = wanted;
            Loop.Poller.WantWrite(_descriptor, Token, wanted);
        }
    }

    /// <summary>Bytes that a handler has flushed and the kernel has not taken yet, or why it never will.</summary>
    private sealed class Rest(ReadOnlyMemory<byte> left, NativeError error)
    {
        public ReadOnlyMemory<byte> Left = left;
        public NativeError Error = error;
    }
}
