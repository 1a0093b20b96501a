using System.Net;
using System.Runtime.InteropServices;
using Sluice.Diagnostics;
using Sluice.Native;

namespace Sluice.Datagrams;

/// <summary>What goes out: together at the end of a batch on a loop's thread, else at once.</summary>
internal sealed partial class DatagramReceiver
{
    private const int LongestOnNetwork = 65_507; // with the headers of UDP and IPv4, the longest packet: udp(7)

    private DatagramSendBatch? _sends; // made when a loop serves the first batch
    private readonly DatagramBacklog _backlog;
    private ThreadStack? _home; // the loop's thread, asked for once
    private ThreadStack _thread; // the same, while it serves a batch; then nobody's
    private bool _isFlushing;
    private int _batched; // datagrams and bytes that were put into the batch
    private long _batchedBytes;

    /// <summary>Answers what lies in <paramref name="to"/>. From any thread.</summary>
    public void Reply(DatagramBuffer to, ReadOnlyMemory<byte> payload)
    {
        if (to.NameLength == 0)
        {
            throw new SluiceException(ErrorIds.NoPeerAddress, "the sender has no address, so it cannot be answered: its Unix socket was not bound; bind(2) it (an abstract name will do) before it sends");
        }

        CheckLength(payload.Length);
        if (MayBatch(to.Name, payload.Length) && (TryBatch(to, payload) || (FlushFor(to.Name) && TryBatch(to, payload))))
        {
            _batched++;
            _batchedBytes += payload.Length;
        }
        else
        {
            FlushIfOwn();
            SendNow(to.Name, payload.Span, to.Source);
        }
    }

    /// <summary>Sends to anybody. From any thread.</summary>
    public void SendTo(SocketAddress peer, ReadOnlySpan<byte> payload)
    {
        Span<byte> name = stackalloc byte[DatagramBuffer.NameRoom];
        int length = DatagramAddresses.Write(peer, Listener.Traits.IsUnix, Listener.Traits.IsSix, name);
        if (length == 0)
        {
            throw new SluiceException(ErrorIds.NoPeerAddress, $"a datagram cannot be sent from {Listener.Url} to an address of the family {peer.Family}; use one of the socket's own");
        }

        CheckLength(payload.Length);
        name = name[..length];
        if (MayBatch(name, payload.Length) && (_sends!.TrySend(name, payload) || (FlushFor(name) && _sends.TrySend(name, payload))))
        {
            _batched++;
            _batchedBytes += payload.Length;
        }
        else
        {
            FlushIfOwn();
            SendNow(name, payload, source: []);
        }
    }

    public bool TrySend(ReadOnlySpan<byte> payload, SocketAddress peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        Span<byte> name = stackalloc byte[DatagramBuffer.NameRoom];
        int length = DatagramAddresses.Write(peer, Listener.Traits.IsUnix, Listener.Traits.IsSix, name);
        FlushIfOwn(); // what was answered before goes first
        if (length == 0 || !_backlog.MayOvertake(name[..length]) || _descriptor.Send(name[..length], payload, source: [], wait: false) != NativeError.None)
        {
            return false;
        }

        Listener.Traffic.CountSent(1, payload.Length);
        return true;
    }

    bool IDatagramFailures.MayGo(ReadOnlySpan<byte> name) => _backlog.MayOvertake(name);

    /// <summary>One of the batch was not taken. Those without room wait for it.</summary>
    void IDatagramFailures.OnNotSent(ReadOnlySpan<byte> name, ReadOnlySpan<byte> source, ReadOnlySpan<byte> payload, NativeError error)
    {
        _batched--;
        _batchedBytes -= payload.Length;
        if (error != NativeError.WouldBlock || !_backlog.TryAdd(name, source, payload))
        {
            TellNotSent(name, error);
        }
    }

    /// <summary>One that has waited for room, or not even that, is tried. WouldBlock: it may be tried again.</summary>
    public NativeError Retry(ReadOnlySpan<byte> name, ReadOnlySpan<byte> source, ReadOnlySpan<byte> payload)
    {
        NativeError error = _descriptor.Send(name, payload, source, wait: false);
        if (error == NativeError.None)
        {
            Listener.Traffic.CountSent(1, payload.Length);
        }

        return error;
    }

    /// <summary>A datagram is lost.</summary>
    public void TellNotSent(ReadOnlySpan<byte> name, NativeError error)
    {
        Listener.Traffic.CountNotSent();
        if (_server.Events.WatchesNotSent)
        {
            _server.Events.RaiseDatagramNotSent(new DatagramNotSent(Listener, DatagramAddresses.ToEndPoint(name), ReasonOf(error), error.ToString()));
        }
    }

    private static NotSentReason ReasonOf(NativeError error) => error switch
    {
        NativeError.ConnectionRefused or NativeError.NoEntry or NativeError.NotConnected or NativeError.ConnectionReset or NativeError.BrokenPipe or NativeError.WrongType => NotSentReason.NoSuchPeer,
        NativeError.WouldBlock or NativeError.NoBufferSpace or NativeError.NoMemory => NotSentReason.NoRoom,
        NativeError.MessageTooLong => NotSentReason.TooLong,
        NativeError.NotPermitted or NativeError.AccessDenied => NotSentReason.NotPermitted,
        NativeError.NetworkUnreachable or NativeError.HostUnreachable or NativeError.NetworkDown or NativeError.HostDown or NativeError.NoNetwork or NativeError.AddressNotAvailable => NotSentReason.Unreachable,
        _ => NotSentReason.Other,
    };

    private void CheckLength(int length)
    {
        if (length > LongestOnNetwork && !Listener.Traits.IsUnix)
        {
            throw new SluiceException(ErrorIds.DatagramTooLong, $"a datagram of {length} bytes cannot be sent: UDP carries at most {LongestOnNetwork}; send less, or several");
        }
    }

    private void BeginReplies()
    {
        if (!_waits)
        {
            _sends ??= new DatagramSendBatch(Listener.Offloads);
            _thread = _home ??= ThreadStack.OfCaller();
        }
    }

    private void EndReplies()
    {
        if (!_waits)
        {
            Flush();
            _thread = default;
        }
    }

    // What does not go with the batch goes after it.
    private void FlushIfOwn()
    {
        if (_thread.IsCallers)
        {
            Flush();
        }
    }

    private bool MayBatch(ReadOnlySpan<byte> name, int length) => _thread.IsCallers && !_isFlushing && _backlog.MayOvertake(name) && DatagramSendBatch.Fits(length);

    // The batch is full. False: it has left something behind that has to go first.
    private bool FlushFor(ReadOnlySpan<byte> name)
    {
        Flush();
        return _backlog.MayOvertake(name);
    }

    private void Flush()
    {
        if (!_sends!.IsEmpty && !_isFlushing)
        {
            _isFlushing = true; // who hears of what was not sent may send
            _sends.Send(Descriptor, this);
            _isFlushing = false;
            Listener.Traffic.CountSent(_batched, _batchedBytes);
            (_batched, _batchedBytes) = (0, 0);
        }
    }

    // What is answered with a part of itself need not be copied: it stays where it is until the batch has gone.
    private bool TryBatch(DatagramBuffer to, ReadOnlyMemory<byte> payload) =>
        MemoryMarshal.TryGetArray(payload, out ArraySegment<byte> segment) && ReferenceEquals(segment.Array, to.Array)
            ? _sends!.TryReply(to, segment.Offset, segment.Count)
            : _sends!.TryReply(to, payload.Span);

    private void SendNow(ReadOnlySpan<byte> name, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> source)
    {
        if (!_waits && !_backlog.MayOvertake(name))
        {
            if (!_backlog.TryAdd(name, source, payload))
            {
                TellNotSent(name, NativeError.WouldBlock);
            }

            return;
        }

        NativeError error = _descriptor.Send(name, payload, source, _waits);
        if (error == NativeError.None)
        {
            Listener.Traffic.CountSent(1, payload.Length);
        }
        else if (_waits || error != NativeError.WouldBlock || !_backlog.TryAdd(name, source, payload))
        {
            TellNotSent(name, error);
        }
    }
}
