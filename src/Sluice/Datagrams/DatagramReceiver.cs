using Sluice.Accepting;
using Sluice.Diagnostics;
using Sluice.Native;
using Sluice.Transports;

namespace Sluice.Datagrams;

/// <summary>
/// Receives from one socket, several datagrams with one system call, and either serves them one after the other on the calling thread (<see cref="Serve"/>) or
/// hands each to a model (<see cref="Dispatch"/>). One thread receives; any thread sends.
/// </summary>
internal sealed partial class DatagramReceiver : IDatagramSender, IDatagramFailures, IDisposable
{
    private const int LargestBatch = 64;
    private const int SmallestBatch = 8; // and twice as many each time that was too few: an idle server has few buffers
    private const int ShortestPause = 10;
    private const int LongestPause = 500;

    private static readonly ContextCallback ServeReceived = static state => ((DatagramReceiver)state!).ServeEach();

    private readonly ServerContext _server;
    private readonly DatagramDescriptor _descriptor;
    private readonly DatagramReceiveBatch _batch = new(LargestBatch);
    private readonly DatagramPool _pool;
    private readonly Places _gate;
    private readonly IReadOnlySet<uint>? _allowed;
    private readonly bool _waits;

    // What is received into next, by the places of the batch.
    private readonly ReceivedDatagram?[] _places = new ReceivedDatagram?[LargestBatch];
    private readonly DatagramBuffer[] _buffers = new DatagramBuffer[LargestBatch];
    private int _batchSize = SmallestBatch;
    private int _received; // in the batch that is served now
    private int _kept; // of the places, by handlers that wait or a model that was handed them
    private int _datagrams;
    private long _bytes;
    private int _truncated;

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _outside = 1; // datagrams that handlers have, and one until the stop. From any thread
    private int _pause = ShortestPause;
    private volatile bool _isStopped;
    private int _hasLeft;
    private bool _isDisposed;

    /// <param name="listener">Where.</param>
    /// <param name="server">For whom.</param>
    /// <param name="waits">Whether handlers run on threads that may wait: a send then waits for room, as long as the options say.</param>
    public DatagramReceiver(DatagramListener listener, ServerContext server, bool waits)
    {
        Listener = listener;
        _server = server;
        _waits = waits;
        _gate = server.DatagramPlaces;
        _allowed = listener.Traits.IsUnix ? server.Options.Sockets.AllowedUsers : null;
        _descriptor = new DatagramDescriptor(listener.Handle!);
        if (server.AcceptBudget is not null)
        {
            listener.ReceiveApart(); // one is one
        }

        _pool = new DatagramPool(this, server.Options.Datagrams.MaxSize);
        _backlog = new DatagramBacklog(this, server.Options.Datagrams);
    }

    public DatagramListener Listener { get; }

    public DatagramRunner Runner => _server.DatagramRunner!;

    public CancellationToken Stopping => Runner.Stopping.Token;

    /// <summary>For poll(2) and its kin.</summary>
    public int Descriptor => _descriptor.Number;

    /// <summary>Whether to look for more now. False: it has stopped, it pauses (<see cref="NotBefore"/>), or the maximum is reached.</summary>
    public bool MayReceive(long now)
    {
        NotBefore = NotBefore <= now ? 0 : NotBefore;
        return !_isStopped && NotBefore == 0 && _gate.HasRoom && _server.HasBudget;
    }

    /// <summary>While the system is short of something: TickCount64; 0 when it is not.</summary>
    public long NotBefore { get; private set; }

    /// <summary>Whether the last batch was a burst, behind which more may be expected.</summary>
    public bool IsBusy => _received >= SmallestBatch;

    /// <summary>Looks for nothing for a moment.</summary>
    public void Rest()
    {
        NotBefore = Environment.TickCount64 + _pause;
        _pause = Math.Min(_pause * 2, LongestPause);
    }

    /// <summary>Whether nothing more will be received.</summary>
    public bool IsStopped => _isStopped;

    /// <summary>Ends when it was stopped, no handler has one of its datagrams any more, and no answer waits for room.</summary>
    public Task Ended => _ended.Task;

    /// <summary>
    /// Receives a batch and serves it on the calling thread: in a blocking model each handler to its end, in a loop up to its first wait. Their replies go out
    /// together at the end, where the thread is a loop's.
    /// </summary>
    public void Serve()
    {
        do
        {
            int places = Receive(_waits ? SmallestBatch : _batchSize); // one after the other, connections in between
            if (places == 0)
            {
                return;
            }

            BeginReplies();
            Runner.Enter(ServeReceived, this);
            CountSoFar(); // before anybody hears of them
            EndReplies();
            Settle(places);
        }
        while (HasHeld);
    }

    /// <summary>Receives up to <paramref name="most"/> and hands each to <paramref name="dispatch"/>, who gives it back (<see cref="Return"/>) when its handler has ended.</summary>
    public void Dispatch(int most, Action<ReceivedDatagram> dispatch)
    {
        do
        {
            int places = Receive(Math.Min(most, _batchSize));
            if (places == 0)
            {
                return;
            }

            for (int i = 0; i < _received; i++)
            {
                if (Admit(i) is { } datagram)
                {
                    DispatchEach(i, datagram, dispatch);
                }
            }

            Settle(places);
        }
        while (HasHeld);
    }

    /// <summary>A datagram's handler has ended. From any thread.</summary>
    public void Return(ReceivedDatagram datagram)
    {
        _pool.Return(datagram);
        _gate.GiveBack(1);
        ComesBack();
    }

    /// <summary>Serves one that was dispatched to its end, on the calling thread.</summary>
    public void RunAndReturn(ReceivedDatagram datagram)
    {
        Runner.Run(datagram);
        Return(datagram);
    }

    /// <summary>There was no thread, queue place or worker for one that was dispatched.</summary>
    public void Drop(ReceivedDatagram datagram, DropReason reason)
    {
        Lose(reason, 1);
        Return(datagram);
    }

    /// <summary>Receives no more. What handlers still send goes out until <see cref="Dispose"/>. On the receiving thread.</summary>
    public void Stop()
    {
        _isStopped = true;
        DropHeld();
        if (Interlocked.Exchange(ref _hasLeft, 1) == 0)
        {
            ComesBack();
        }
    }

    public void Dispose()
    {
        if (!_isDisposed)
        {
            _isDisposed = true;
            Stop();
            _backlog.Dispose();
            _descriptor.Dispose();
            _batch.Dispose();
            _sends?.Dispose();
        }
    }

    /// <summary>A handler is about to wait, and keeps its datagram; or an answer waits for room. Before the stop, or while another has not come back.</summary>
    public void Leaves() => Interlocked.Increment(ref _outside);

    /// <summary>That is over. From any thread.</summary>
    public void ComesBack()
    {
        if (Interlocked.Decrement(ref _outside) == 0)
        {
            _ended.TrySetResult();
        }
    }

    // Takes places of the gate, and receives into as many. Returns how many places were taken; 0 when nothing was received, and then none is.
    private int Receive(int wanted)
    {
        int places = _isStopped ? 0 : _gate.Take(HasHeld ? 1 : _server.AllowedOf(wanted));
        if (places == 0)
        {
            return 0;
        }

        if (TryReceiveHeld())
        {
            return places;
        }

        for (int i = 0; i < places; i++)
        {
            if (_places[i] is null)
            {
                Fill(i, _pool.Rent());
            }
        }

        SocketResult got = _batch.Receive(Descriptor, _buffers.AsSpan(0, places));
        if (!got.Succeeded)
        {
            _gate.GiveBack(places);
            OnError(got.Error);
            return 0;
        }

        (NotBefore, _pause) = (0, ShortestPause);
        Begin(got.Count, places);
        if (!Listener.TellsTime)
        {
            NoteTime();
        }

        return places;
    }

    private void Begin(int received, int places)
    {
        (_received, _spare, _kept, _added) = (received, places - received, 0, 0);
        (_datagrams, _bytes, _truncated) = (0, 0, 0);
    }

    // The kernel was not asked.
    private void NoteTime()
    {
        long now = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        for (int i = 0; i < _received; i++)
        {
            DatagramBuffer buffer = _buffers[i];
            buffer.Nanoseconds = buffer.Nanoseconds == 0 ? now : buffer.Nanoseconds; // the kernel may have been asked just now
        }
    }

    private void Fill(int place, ReceivedDatagram datagram) => (_places[place], _buffers[place]) = (datagram, datagram.Buffer);

    // Counts the batch, and gives the places back that nobody keeps.
    private void Settle(int places)
    {
        CountSoFar();
        _gate.GiveBack(places + _added - _kept);
        if (_received == _batchSize && _batchSize < LargestBatch)
        {
            _batchSize *= 2;
        }
    }

    private void CountSoFar()
    {
        if (_datagrams > 0)
        {
            Listener.Traffic.CountReceived(_datagrams, _bytes, _truncated);
            (_datagrams, _bytes, _truncated) = (0, 0, 0);
        }
    }

    // What came at a place of the batch, unless nobody is to see it.
    private ReceivedDatagram? Admit(int place)
    {
        ReceivedDatagram datagram = _places[place]!;
        DatagramBuffer buffer = datagram.Buffer;
        _bytes += buffer.Length;
        _truncated += buffer.IsTruncated ? 1 : 0;
        if (buffer.Dropped is { } dropped && Listener.Traffic.SetKernelCount(dropped) is > 0 and var more)
        {
            _server.Events.RaiseDatagramsDropped(new DatagramsDropped(Listener, DropReason.KernelBuffer, more));
        }

        if (_allowed is not null && !(buffer.Credentials is { } sender && _allowed.Contains(sender.User)))
        {
            _datagrams++;
            Lose(DropReason.UserNotAllowed, 1);
            return null;
        }

        _server.TookDatagrams(1);
        return datagram;
    }

    private void ServeEach()
    {
        for (int i = 0; i < _received; i++)
        {
            if (_waits && Stopping.IsCancellationRequested)
            {
                _datagrams++; // the drain is over, and each of the rest could take as long as the one before
                Lose(DropReason.Draining, 1);
            }
            else if (Admit(i) is { } datagram)
            {
                ServeEach(i, datagram);
            }
        }
    }

    private bool HasEnded(ReceivedDatagram datagram)
    {
        if (_waits)
        {
            Runner.Run(datagram);
            return true;
        }

        return Runner.TryRun(datagram);
    }

    private void Lose(DropReason reason, int datagrams)
    {
        Listener.Traffic.CountDropped(datagrams);
        _server.Events.RaiseDatagramsDropped(new DatagramsDropped(Listener, reason, datagrams));
    }

    private void OnError(NativeError error)
    {
        switch (error)
        {
            case NativeError.WouldBlock or NativeError.Interrupted:
                return;
            case NativeError.BadDescriptor or NativeError.NotSocket or NativeError.Fault or NativeError.InvalidArgument:
                _isStopped = true;
                break;
            case NativeError.NoMemory or NativeError.NoBufferSpace:
                Rest();
                break;
        }

        // Others tell of an earlier send (an ICMP error), and are over by being told.
        _server.Events.RaiseReceiveFailed(new ReceiveFailed(Listener, error.ToString(), _isStopped));
    }
}
