using System.Net.Sockets;
using Sluice.Native;

namespace Sluice.Models.Readiness;

/// <summary>
/// Sends: a small one is kept in the loop's batch, which is sent before the loop waits; a larger one goes at once. What the kernel does not take of
/// a kept one is copied aside and goes first when the socket is writable: until then nothing else is taken (that is the back-pressure).
/// </summary>
internal sealed partial class ReadyConnection
{
    private Rest? _rest; // only while something is left of a kept send
    private int _keptIn; // the number of the batch that last kept something

    /// <summary>A kept send has come to <paramref name="sent"/>, which is not all of <paramref name="bytes"/>. Called by the batch.</summary>
    public void OnLeftOver(ReadOnlySpan<byte> bytes, SocketResult sent)
    {
        int count = sent.Succeeded ? sent.Count : 0;
        CountSent(count - bytes.Length);
        _rest = new Rest(bytes[count..], sent.Succeeded || sent.Error == NativeError.Interrupted ? NativeError.WouldBlock : sent.Error);
        if (_rest.Error == NativeError.WouldBlock && !IsClosed)
        {
            WatchWrite();
            AwaitWritable(true);
        }
    }

    internal override NativeError Send(bool own)
    {
        NativeError error = Writer.SendNow(own);
        bool wait = error == NativeError.WouldBlock;
        if (wait != _awaitsWritable && _rest is null)
        {
            AwaitWritable(wait);
        }

        if (!wait && _rest is null)
        {
            WriteDone();
        }

        return error;
    }

    internal override SocketResult Transmit(ReadOnlySpan<byte> bytes)
    {
        if (_rest is null && bytes.Length <= SendBatch.Longest)
        {
            _keptIn = Loop.Sends.Add(this, _descriptor, bytes);
            return SocketResult.Of(bytes.Length);
        }

        return TransmitNow(bytes);
    }

    internal override NativeError Settle()
    {
        SendKeptNow();
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

    private SocketResult TransmitNow(ReadOnlySpan<byte> bytes)
    {
        SendKeptNow();
        return _rest is null ? SocketCalls.Send(_descriptor, bytes)
            : SendRest() is var error && error != NativeError.None ? SocketResult.Failed(error)
            : SocketCalls.Send(_descriptor, bytes);
    }

    private void SendKeptNow()
    {
        if (_keptIn == Loop.Sends.Number)
        {
            Loop.Sends.SendAll();
        }
    }

    // What a kept send has left goes before everything else. An error stays: the next flush tells it.
    private NativeError SendRest()
    {
        Rest rest = _rest!;
        while (rest.Error == NativeError.WouldBlock && rest.Left.Length > 0)
        {
            SocketResult sent = SendWhole(rest.Left.Span);
            if (!sent.Succeeded)
            {
                rest.Error = sent.Error;
                return sent.Error;
            }

            CountSent(sent.Count);
            rest.Left = rest.Left[sent.Count..];
        }

        if (rest.Left.Length > 0)
        {
            return rest.Error;
        }

        _rest = null;
        return NativeError.None;
    }

    private SocketResult SendWhole(ReadOnlySpan<byte> bytes)
    {
        SocketResult sent;
        do
        {
            sent = SocketCalls.Send(_descriptor, bytes);
        }
        while (sent.Error == NativeError.Interrupted);

        return sent;
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
    private sealed class Rest(ReadOnlySpan<byte> left, NativeError error)
    {
        public ReadOnlyMemory<byte> Left = left.ToArray();
        public NativeError Error = error;
    }
}
