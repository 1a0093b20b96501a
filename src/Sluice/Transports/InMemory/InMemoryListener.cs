using System.Net;
using System.Runtime.InteropServices;

namespace Sluice.Transports.InMemory;

/// <summary>Connections of this process to a name; scripted errors come before them.</summary>
internal sealed class InMemoryListener(SocketAddressUrl url, int backlog, InMemoryTransport owner) : StreamListener(url)
{
    private readonly Lock _changing = new();
    private readonly Queue<InMemoryStreamSocket> _queue = new();
    private readonly Queue<AcceptError> _script = new();
    private Action? _pending;
    private bool _closed;

    public override SafeHandle? Handle => null;

    public override EndPoint LocalEndPoint { get; } = new InMemoryEndPoint(url.Host);

    /// <summary>The next accepts fail in this order, whether somebody waits or not.</summary>
    public void Script(IEnumerable<AcceptError> errors)
    {
        Action? pending;
        lock (_changing)
        {
            foreach (AcceptError error in errors)
            {
                _script.Enqueue(error);
            }

            pending = _pending;
        }

        pending?.Invoke();
    }

    /// <summary>How many scripted errors have not been seen yet.</summary>
    public int ScriptLeft
    {
        get
        {
            lock (_changing)
            {
                return _script.Count;
            }
        }
    }

    /// <summary>Queues a connection; null when the queue is full or closed.</summary>
    public InMemoryStreamSocket? TryConnect()
    {
        InMemoryStreamSocket client;
        Action? pending;
        lock (_changing)
        {
            if (_closed || _queue.Count >= backlog)
            {
                return null;
            }

            (InMemoryStreamSocket server, client) = InMemoryStreamSocket.CreatePair(LocalEndPoint);
            _queue.Enqueue(server);
            pending = _pending;
        }

        pending?.Invoke();
        return client;
    }

    internal override AcceptResult TryAccept()
    {
        lock (_changing)
        {
            if (_script.TryDequeue(out AcceptError error))
            {
                return AcceptResult.Failed(error);
            }

            if (_queue.TryDequeue(out InMemoryStreamSocket? socket))
            {
                return AcceptResult.Accepted(socket);
            }

            return AcceptResult.Failed(_closed ? AcceptError.ListenerClosed : AcceptError.WouldBlock);
        }
    }

    internal override void NotifyPending(Action? pending)
    {
        bool now;
        lock (_changing)
        {
            _pending = pending;
            now = _queue.Count > 0 || _script.Count > 0;
        }

        if (now)
        {
            pending?.Invoke();
        }
    }

    internal override bool MayHavePending
    {
        get
        {
            lock (_changing)
            {
                return _queue.Count > 0 || _script.Count > 0;
            }
        }
    }

    internal override void Close()
    {
        lock (_changing)
        {
            if (_closed)
            {
                return;
            }

            _closed = true;
            foreach (InMemoryStreamSocket waiting in _queue)
            {
                waiting.Reset();
            }

            _queue.Clear();
        }

        owner.Forget(this);
    }
}
