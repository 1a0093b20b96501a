using System.Net;
using System.Net.Sockets;
using Sluice.Native;

namespace Sluice.Transports.InMemory;

/// <summary>One end of an in-memory connection. Two ends share a lock and two bounded byte queues, so what a test sees is deterministic.</summary>
internal sealed class InMemoryStreamSocket : StreamSocket
{
    private readonly object _shared;
    private readonly ByteQueue _incoming;
    private readonly ByteQueue _outgoing;
    private readonly EndPoint _endPoint;
    private InMemoryStreamSocket? _peer;

    // All under _shared.
    private IReadinessObserver? _observer;
    private TimeSpan _receiveTimeout = Timeout.InfiniteTimeSpan;
    private TimeSpan _sendTimeout = Timeout.InfiniteTimeSpan;
    private int _interrupts;
    private bool _readShutdown;
    private bool _wasReset;
    private bool _closed;

    private InMemoryStreamSocket(object shared, ByteQueue incoming, ByteQueue outgoing, EndPoint endPoint) =>
        (_shared, _incoming, _outgoing, _endPoint) = (shared, incoming, outgoing, endPoint);

    public override int Descriptor => -1;

    public override EndPoint? LocalEndPoint => _endPoint;

    public override EndPoint? RemoteEndPoint => _endPoint;

    public override ulong SourceKey => 0;

    public static (InMemoryStreamSocket Server, InMemoryStreamSocket Client) CreatePair(EndPoint endPoint)
    {
        object shared = new();
        ByteQueue toServer = new();
        ByteQueue toClient = new();
        var server = new InMemoryStreamSocket(shared, toServer, toClient, endPoint);
        var client = new InMemoryStreamSocket(shared, toClient, toServer, endPoint) { _peer = server };
        server._peer = client;
        return (server, client);
    }

    public override SocketResult Receive(Span<byte> buffer, bool wait)
    {
        int count;
        lock (_shared)
        {
            long deadline = DeadlineOf(_receiveTimeout);
            int interrupts = _interrupts;
            while (true)
            {
                if (_closed)
                {
                    return SocketResult.Failed(NativeError.BadDescriptor);
                }

                count = _incoming.Read(buffer);
                if (count > 0)
                {
                    break;
                }

                if (_wasReset)
                {
                    return SocketResult.Failed(NativeError.ConnectionReset);
                }

                if (_incoming.Finished || _readShutdown)
                {
                    return SocketResult.Of(0);
                }

                if (_interrupts != interrupts)
                {
                    return SocketResult.Failed(NativeError.Interrupted);
                }

                if (!wait || !WaitForChange(deadline))
                {
                    return SocketResult.Failed(NativeError.WouldBlock);
                }
            }

            Monitor.PulseAll(_shared);
        }

        _peer!.Tell(Readiness.Write);
        return SocketResult.Of(count);
    }

    public override SocketResult Send(ReadOnlySpan<byte> buffer, bool wait)
    {
        int count;
        lock (_shared)
        {
            long deadline = DeadlineOf(_sendTimeout);
            while (true)
            {
                if (_closed)
                {
                    return SocketResult.Failed(NativeError.BadDescriptor);
                }

                if (_wasReset)
                {
                    return SocketResult.Failed(NativeError.ConnectionReset);
                }

                if (_outgoing.Finished || _peer!._closed)
                {
                    return SocketResult.Failed(NativeError.BrokenPipe);
                }

                count = _outgoing.Write(buffer);
                if (count > 0 || buffer.IsEmpty)
                {
                    break;
                }

                if (!wait || !WaitForChange(deadline))
                {
                    return SocketResult.Failed(NativeError.WouldBlock);
                }
            }

            Monitor.PulseAll(_shared);
        }

        _peer!.Tell(Readiness.Read);
        return SocketResult.Of(count);
    }

    public override void SetReceiveTimeout(TimeSpan timeout)
    {
        lock (_shared)
        {
            _receiveTimeout = timeout;
        }
    }

    public override void SetSendTimeout(TimeSpan timeout)
    {
        lock (_shared)
        {
            _sendTimeout = timeout;
        }
    }

    public override void InterruptReceive(int thread)
    {
        lock (_shared)
        {
            _interrupts++;
            Monitor.PulseAll(_shared);
        }
    }

    public override void Shutdown(SocketShutdown how)
    {
        bool over;
        lock (_shared)
        {
            _readShutdown |= how is SocketShutdown.Receive or SocketShutdown.Both;
            _outgoing.Finished |= how is SocketShutdown.Send or SocketShutdown.Both;
            over = _readShutdown && _outgoing.Finished;
            Monitor.PulseAll(_shared);
        }

        Tell(over ? Readiness.Read | Readiness.Write | Readiness.Over : Readiness.Read | Readiness.PeerClosed);
        if (how is SocketShutdown.Send or SocketShutdown.Both)
        {
            _peer!.Tell(Readiness.Read | Readiness.PeerClosed);
        }
    }

    public override void Reset()
    {
        lock (_shared)
        {
            _wasReset = _peer!._wasReset = true;
            _incoming.Clear();
            _outgoing.Clear();
            Monitor.PulseAll(_shared);
        }

        const Readiness All = Readiness.Read | Readiness.Write | Readiness.Over;
        Tell(All);
        _peer.Tell(All);
    }

    public override void Close()
    {
        bool unread;
        lock (_shared)
        {
            if (_closed)
            {
                return;
            }

            unread = !_incoming.IsEmpty;
        }

        if (unread)
        {
            Reset(); // as the kernel does
        }
        else
        {
            Shutdown(SocketShutdown.Both);
        }

        lock (_shared)
        {
            _closed = true;
            _observer = null;
            Monitor.PulseAll(_shared);
        }
    }

    public override bool TryWatch(IReadinessObserver observer, out ulong watch)
    {
        watch = 1;
        Readiness now = Readiness.Write;
        lock (_shared)
        {
            _observer = observer;
            now |= _incoming.IsEmpty ? Readiness.None : Readiness.Read;
            now |= _incoming.Finished ? Readiness.Read | Readiness.PeerClosed : Readiness.None;
            now |= _wasReset ? Readiness.Read | Readiness.Over : Readiness.None;
        }

        observer.OnReadiness(now);
        return true;
    }

    public override void Unwatch(ulong watch)
    {
        lock (_shared)
        {
            _observer = null;
        }
    }

    private void Tell(Readiness readiness) => Volatile.Read(ref _observer)?.OnReadiness(readiness);

    private static long DeadlineOf(TimeSpan timeout) =>
        timeout == Timeout.InfiniteTimeSpan ? long.MaxValue : Environment.TickCount64 + (long)timeout.TotalMilliseconds;

    private bool WaitForChange(long deadline)
    {
        if (deadline == long.MaxValue)
        {
            return Monitor.Wait(_shared);
        }

        long left = deadline - Environment.TickCount64;
        return left > 0 && Monitor.Wait(_shared, (int)left);
    }
}
