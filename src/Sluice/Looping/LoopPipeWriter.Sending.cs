using System.Runtime.InteropServices;
using Sluice.Connections;
using Sluice.Native;

namespace Sluice.Looping;

/// <summary>What a flush sends, in order: messages of others, unless the handler's is half sent; the handler's chunks; the memory of its WriteAsync.</summary>
internal sealed partial class LoopPipeWriter
{
    /// <summary>
    /// Sends without waiting what there is, others' messages first unless ours is half sent.
    /// </summary>
    public NativeError SendNow(bool own)
    {
        if (!_ownBegun && Connection.HasOutbox)
        {
            NativeError error = SendOutbox();
            if (error != NativeError.None || !own)
            {
                return error;
            }
        }

        while (own && TryPeek(out ReadOnlySpan<byte> rest))
        {
            SocketResult sent = Connection.Transmit(rest);
            if (!sent.Succeeded)
            {
                if (sent.Error == NativeError.Interrupted)
                {
                    continue;
                }

                Shrink();
                return sent.Error;
            }

            SentSome(sent.Count);
        }

        if (own && _flush is { Source.IsEmpty: false } flush)
        {
            NativeError error = SendSource(flush);
            if (error != NativeError.None)
            {
                return error;
            }
        }

        if (own)
        {
            _ownBegun = false;
            ReleaseIfEmpty();
            if (Connection.HasOutbox)
            {
                return SendOutbox();
            }
        }

        return NativeError.None;
    }

    private void SentSome(int count)
    {
        Connection.CountSent(count);
        _ownBegun = true;
        Sent(count);
    }

    private NativeError SendSource(LoopFlush flush)
    {
        while (!flush.Source.IsEmpty)
        {
            SocketResult sent = Connection.Transmit(flush.Source.Span);
            if (sent.Succeeded)
            {
                Connection.CountSent(sent.Count);
                _ownBegun = true;
                flush.Source = flush.Source[sent.Count..];
            }
            else if (sent.Error != NativeError.Interrupted)
            {
                return sent.Error;
            }
        }

        flush.Source = default;
        return NativeError.None;
    }

    private NativeError SendOutbox()
    {
        Outbox outbox = Connection.Others!;
        while (outbox.TryPeek(out ReadOnlySpan<byte> rest, out SafeHandle? descriptor))
        {
            SocketResult sent = descriptor is null ? Connection.Transmit(rest) : Connection.TransmitWith(descriptor, rest);
            if (sent.Succeeded)
            {
                outbox.Sent(sent.Count);
                Connection.CountSent(sent.Count);
            }
            else if (sent.Error != NativeError.Interrupted)
            {
                return sent.Error;
            }
        }

        return NativeError.None;
    }
}
